import { expect, test } from 'vitest'
import { PNGROUP } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'

const world = new World({ '/w/f': 'x\n' })
const time = async (...command: string[]) => world.run(['time', ...command], '', '/w')

test('time tells how long a command ran, and shows it', async () => {
  const { stdout, stderr, status } = await time('cat', 'f')
  expect([stdout, status]).toEqual(['x\n', ''])
  expect(stderr).toMatch(/^0\.00u 0\.00s \d+\.\d\dr \t cat f\n$/)
  const slept = /(\d+)\.(\d\d)r/.exec((await time('sleep', '1')).stderr)!
  expect(Number(slept[1])).toBeGreaterThanOrEqual(1)
})

test('of a long command five words are shown', async () => {
  expect((await time('echo', '1', '2', '3', '4', '5')).stderr).toMatch(/\t echo 1 2 3 4 \.\.\.\n$/)
  expect((await time('echo', '1', '2', '3', '4')).stderr).toMatch(/\t echo 1 2 3 4\n$/)
})

test('the status is the command’s', async () => {
  const { stderr, status } = await time('cmp', 'f', 'nosuch')
  expect(stderr).toMatch(/\t cmp f nosuch # status= ?\S/)
  expect(status).not.toBe('')
  expect((await time('/bin/nosuch')).stderr).toMatch(
    /^time: \/bin\/nosuch: file does not exist.*\n.*# status= \/bin\/nosuch\n$/s,
  )
  expect((await time()).status).toBe('usage')
})

test('a note that interrupts is the command’s to heed', async () => {
  const { pid, result } = await world.start(['time', 'sleep', '1000'], '', '/w')
  while (world.kernel.procs.size < 2) await new Promise(resolve => setTimeout(resolve, 5))
  await new Promise(resolve => setTimeout(resolve, 50))
  await world.kernel.postnote(PNGROUP, pid, 'interrupt')
  expect((await result).stderr).toMatch(/\t sleep 1000 # status= ?interrupt\n$/)
})
