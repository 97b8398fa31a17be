import { describe, expect, it } from 'vitest'
import { PNPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'

/** Where 9base's sed is older or cuts: by 9front's manual page and source. The rest is in tests/cmd/9base-editors.test.ts. */

async function sed(args: string[], stdin: string | Uint8Array = '') {
  const w = new World({ '/w/a': 'a\nb\n', '/w/empty': '', '/w/script': 's/a/A/' })
  return { ...(await w.run(['sed', ...args], stdin, '/w')), world: w }
}

describe('sed', () => {
  it.each([
    ['p}', 'p} command garbled: }', '}'],
    ['k', 'Unrecognized command: k', ''],
    ['b nowhere', 'Undefined label: nowhere', ''],
    [':a;:a', 'Duplicate labels: :a;:a', ''],
    ['1,2=', 'Only one address allowed: 1,2=', ''],
    ['1:a', 'No addresses allowed: 1:a', ''],
    ['{p', "Too many {'s", ''],
    ['}', "Too many }'s", ''],
    ['s/a', 'Too much text: s/a', ''],
    ['s/a/b', 's command garbled: s/a/b', ''],
    ['s//b/', 'First RE may not be null', ''],
    ['s/(/b/', 'r.e.-using command garbled: s/(/b/', ''],
    ['y/ab/c/', 'y command garbled: y/ab/c/', ''],
    ['0p', 'line number 0 is illegal', ''],
    ['a text', 'a command garbled: a text', ''],
    ['s/(a)|(b)/\\2/', 'Invalid back reference \\2', ''],
  ])('%s says %s', async (script, words, rest) => {
    const r = await sed([script], 'a\n')
    expect(r.status).toBe('error')
    expect(r.stderr).toBe(rest === '' ? `sed: ${words}\n` : `sed: ${rest} command garbled: ${script}\n`)
  })

  it('says which option, pattern or file it misses', async () => {
    expect((await sed(['-z', 'p'])).stderr).toBe('sed: Unknown flag: z\n')
    expect((await sed(['-n'])).stderr).toBe('sed: missing pattern\n')
    expect((await sed(['-f', 'none'])).stderr).toBe('sed: Cannot open pattern-file: none\n')
    const r = await sed(['p', 'a', 'none'])
    expect([r.stdout, r.stderr, r.status]).toEqual(['a\na\nb\nb\n', "sed: Can't open none\n", 'error'])
    expect((await sed(['w /none/x', 'a'])).stderr).toBe('sed: Cannot create /none/x\n')
  })

  it('a label ends with a semicolon', async () => {
    expect((await sed([':top;s/^(x*)a/\\1x/;t top;s/$/./'], 'aab\n')).stdout).toBe('xxb.\n')
    expect((await sed(['/a/b end;s/$/./;:end'], 'a\nb\n')).stdout).toBe('a\nb.\n')
  })

  it('P prints runes, and l shows them', async () => {
    expect((await sed(['-n', 'P'], 'é𝄞\n')).stdout).toBe('é𝄞\n')
    expect((await sed(['-n', 'l'], 'é\t日 \n')).stdout).toBe('\\x00e9\\t\\x65e5 \\n\n')
  })

  it('-f reads a script that has no newline at its end', async () => {
    expect((await sed(['-f', 'script', 'a'])).stdout).toBe('A\nb\n')
  })

  it('keeps every byte', async () => {
    const all = Uint8Array.from({ length: 1024 }, (_, i) => (i * 7) & 0xff)
    const want = Uint8Array.from([...all].flatMap(c => (c === 65 ? [66] : [c])))
    expect((await sed(['s/A/B/g'], all)).bytes).toEqual(all[1023] === 10 ? want : Uint8Array.of(...want, 10))
    expect((await sed(['s/./&/g;y/a/a/;s/(.)/\\1/'], all)).bytes.slice(0, 1024)).toEqual(all)
  })

  it('a line may be as long as it likes', async () => {
    const line = 'ab'.repeat(100_000)
    expect((await sed(['s/b/c/g;h;G'], `${line}\n`)).stdout).toBe(`${`${'ac'.repeat(100_000)}\n`.repeat(2)}`)
  })

  it('a script that goes on for ever can be interrupted', async () => {
    const w = new World({})
    const p = await w.start(['sed', ':a;s/x/x/;ta'], 'x\n')
    await new Promise(r => setTimeout(r, 20))
    await w.kernel.postnote(PNPROC, p.pid, 'interrupt')
    expect((await p.result).status).toContain('interrupt')
  })

  it('endless input, and q', async () => {
    const endless = {
      more: async (sys: Sys) => {
        for (;;) await sys.write(1, 'yes\n'.repeat(1000))
      },
    }
    const w = new World({}, endless)
    expect((await w.pipe([['more'], ['sed', '-n', '2000q;s/y/Y/p'], ['tail', '-1']])).stdout).toBe('Yes\n')
  })
})
