import { expect, it, vi } from 'vitest'
import { World } from '../../tests/cmd/world.ts'
import { Random } from '../../tests/random.ts'

it('prints a line, each as likely as any other', async () => {
  const random = new Random(1)
  vi.spyOn(Math, 'random').mockImplementation(() => random.int(1 << 30) / (1 << 30))
  const w = new World({ '/lib/fortunes': 'a\nb\nc\nd' })
  const seen = new Map<string, number>()
  for (let i = 0; i < 200; i++) {
    const { status, stdout } = await w.run(['fortune'])
    expect(status).toBe('')
    seen.set(stdout, (seen.get(stdout) ?? 0) + 1)
  }
  expect([...seen.keys()].sort()).toEqual(['a\n', 'b\n', 'c\n', 'd\n'])
  for (const n of seen.values()) expect(Math.abs(n - 50)).toBeLessThan(20)
  vi.restoreAllMocks()
})

it('takes another file; none is a misfortune', async () => {
  const w = new World({ '/tmp/one': 'only\n', '/tmp/none': '' })
  expect((await w.run(['fortune', 'one'])).stdout).toBe('only\n')
  expect((await w.run(['fortune', 'none'])).stdout).toBe('\n')
  expect(await w.run(['fortune'])).toMatchObject({ status: 'misfortune', stdout: 'Misfortune!\n' })
})
