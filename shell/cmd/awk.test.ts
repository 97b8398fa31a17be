import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PNPROC, type Program, RFFDG, RFPROC } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'

const rcmain = readFileSync(fileURLToPath(new URL('../../plan9/root/rc/lib/rcmain', import.meta.url)))
const awk = (prog: string, stdin: string | Uint8Array = '', ...args: string[]) =>
  new World({ '/rc/lib/rcmain': rcmain }).run(['awk', prog, ...args], stdin)

describe('input', () => {
  it('keeps bytes as they are, NUL and what is no UTF-8', async () => {
    const all = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7 + (i >> 3)) & 0xff).filter(b => b !== 10)
    const r = await awk('{ print } END { print NR }', all)
    expect(r.bytes).toEqual(Uint8Array.from([...all, 10, 49, 10]))
  })
  it('reads records that are longer than its buffer', async () => {
    const r = await awk('{ print length($0), NF }', `${'ab '.repeat(100_000)}\nx\n`)
    expect(r.stdout).toBe('300000 100000\n1 1\n')
  })
  it('reads paragraphs that cross its buffer', async () => {
    const text = `${'word\n'.repeat(40_000)}\n\n${'more\n'.repeat(40_000)}`
    const r = await awk('BEGIN { RS = "" } { print NF, $1, $NF, length($0) }', text)
    expect(r.stdout).toBe('40000 word word 199999\n40000 more more 199999\n')
  })
  it('takes as much time as the input is long, not its square', async () => {
    const line = `${Array.from({ length: 100_000 }, (_, i) => `f${i}`).join(' ')}\n`
    const r = await awk(
      '{ n = split($0, a); s = $0; g = gsub(/f/, "<&>", s); $50000 = "x"; for (i = 1; i <= n; i++) t = t substr(a[i], 1, 1); print n, g, length(s), length($0), length(t), $NF }',
      line,
    )
    expect(r.stdout).toBe(`100000 100000 ${line.length - 1 + 200_000} ${line.length - 6} 100000 f99999\n`)
  })
  it('lines by the hundred thousand', async () => {
    const r = await awk(
      '{ n += $1; a[$1 % 1000]++; last = last $1 } END { for (k in a) m++; print NR, n, m, length(last) }',
      Array.from({ length: 100_000 }, (_, i) => `${i} x\n`).join(''),
    )
    expect(r.stdout).toBe('100000 4999950000 1000 488890\n')
  })
  it('shows what it has written before it waits', async () => {
    const seen: string[] = []
    const talk: Program = async sys => {
      const [mine, its] = await sys.pipe()
      const [out, itsout] = await sys.pipe()
      await sys.rfork(RFPROC | RFFDG, async child => {
        await child.dup(its, 0)
        await child.dup(itsout, 1)
        for (const fd of [mine, its, out, itsout]) await child.close(fd)
        return child.exec('/bin/awk', ['awk', '{ print "got", $0 }'])
      })
      await sys.close(its)
      await sys.close(itsout)
      for (const line of ['one', 'two']) {
        await sys.write(mine, `${line}\n`)
        seen.push(new TextDecoder().decode(await sys.read(out, 100)))
      }
      await sys.close(mine)
      return ''
    }
    await new World({}, { talk }).run(['talk'])
    expect(seen).toEqual(['got one\n', 'got two\n'])
  })
})

describe('output', () => {
  it('is ended by a closed pipe when it has no end', async () => {
    const r = await new World().pipe([
      ['awk', 'BEGIN { while (1) print "y" }'],
      ['head', '-2'],
    ])
    expect(r.stdout).toBe('y\ny\n')
  })
  it('is ended by a closed pipe when its input has no end', async () => {
    const r = await new World().pipe([
      ['cat', '/dev/zero'],
      ['awk', 'BEGIN { RS = "\\0"; while ((getline x) > 0) print ++n }'],
      ['head', '-2'],
    ])
    expect(r.stdout).toBe('1\n2\n')
  })
  it('comes in the order in which it was written, to different places', async () => {
    const w = new World({ '/rc/lib/rcmain': rcmain })
    const r = await w.run([
      'awk',
      'BEGIN { print 1 > "a"; print 2; print 3 > "a"; system("cat a"); print 4 | "cat"; close("cat"); print 5; print 6 > "/dev/stderr" }',
    ])
    expect(r.stdout).toBe('2\n1\n3\n4\n5\n')
    expect(r.stderr).toBe('6\n')
  })
  it('goes to as many files as there are names', async () => {
    const w = new World()
    const r = await w.run(['awk', 'BEGIN { for (i = 0; i < 50; i++) { print i > "f" i; printf "x" > "f" i } }'])
    expect(r.status).toBe('syntax error')
    const s = await w.run(['awk', 'BEGIN { for (i = 0; i < 50; i++) { print i > ("f" i); printf "x" > ("f" i) } }'])
    expect(s.status).toBe('')
    expect(w.text('/tmp/f49')).toBe('49\nx')
  })
})

describe('running', () => {
  it.each([
    'BEGIN { while (1) ; }',
    'BEGIN { for (;;) { if (x) continue; y++ } }',
    'function f() { f() + f() } BEGIN { f() }',
  ])('an interrupt ends %s', async prog => {
    const w = new World()
    const { pid, result } = await w.start(['awk', prog])
    await new Promise(resolve => setTimeout(resolve, 50))
    w.kernel.postnote(PNPROC, pid, 'interrupt')
    const r = await result
    // A recursion may have come to its own end first.
    expect(r.status).toMatch(/interrupt|FATAL/)
  })
  it('calls as deep as there is need, and says when it is too deep', async () => {
    const r = await awk('function f(n) { return n == 0 ? 0 : 1 + f(n - 1) } BEGIN { print f(50000) }')
    expect(r.stdout).toBe('50000\n')
    const s = await awk('function f(n) { return f(n + 1) } BEGIN { f(0) }')
    expect(s.stderr).toBe('awk: out of space for stack frames calling f\n source line 1\n')
    expect(s.status).toBe('FATAL')
  })
  it('refuses a string that is longer than there can be', async () => {
    const r = await awk('BEGIN { x = "x"; while (1) x = x x }')
    expect(r.stderr).toBe('awk: out of space\n source line 1\n')
    expect(r.status).toBe('FATAL')
  })
  it('refuses a program that is nested too deeply', async () => {
    const r = await awk(`BEGIN { print ${'('.repeat(5000)}1${')'.repeat(5000)} }`)
    expect(r.stderr).toContain('program is nested too deeply')
    const s = await awk(`BEGIN { x = 1${' + 1'.repeat(5000)} }`)
    expect(s.stderr).toContain('expression is too long')
  })
  it('two at a time do not disturb each other', async () => {
    const w = new World()
    const prog = (fmt: string) =>
      `BEGIN { CONVFMT = "${fmt}"; for (i = 0; i < 30000; i++) { x = i + 0.5; s = x "" } print s }`
    const all = await Promise.all(['%.1f', '%.3f'].map(f => w.run(['awk', prog(f)])))
    expect(all.map(r => r.stdout)).toEqual(['29999.5\n', '29999.500\n'])
  })
  it('gives the status that exit names', async () => {
    expect((await awk('BEGIN { exit }')).status).toBe('')
    expect((await awk('BEGIN { exit 0 }')).status).toBe('')
    expect((await awk('BEGIN { exit 3 }')).status).toBe('error')
    expect((await awk('BEGIN { exit "no luck" } END { exit }')).status).toBe('no luck')
  })
  it('has the environment, lists with blanks; not when it is to be safe', async () => {
    const w = new World({ '/rc/lib/rcmain': rcmain })
    const r = await w.run([
      'rc',
      '-c',
      'path=/bin; l=(a b c); n=12; awk \'BEGIN { print ENVIRON["l"], (ENVIRON["n"] < 9) }\'',
    ])
    expect(r.stdout).toBe('a b c 0\n')
    const s = await w.run(['rc', '-c', 'path=/bin; l=(a b c); awk -safe \'BEGIN { print ENVIRON["l"] "." }\''])
    expect(s.stdout).toBe('.\n')
  })
  it('system and close wait for rc, whose variables it hands on', async () => {
    const r = await awk('BEGIN { print system("exit foo"), system("~ a a"); "echo a b" | getline x; print x }')
    expect(r.stdout).toBe('1 0\na b\n')
  })
  it.each([
    ['BEGIN { system("echo") }', 'system is unsafe'],
    ['BEGIN { getline < "x" }', 'getline < is unsafe'],
    ['BEGIN { "x" | getline }', 'cmd | getline is unsafe'],
    ['BEGIN { print > "x" }', 'print > is unsafe'],
    ['BEGIN { print >> "x" }', 'print >> is unsafe'],
    ['BEGIN { print | "x" }', 'print | is unsafe'],
  ])('-safe forbids %s', async (prog, message) => {
    const r = await new World().run(['awk', '-safe', prog])
    expect(r.stderr.split('\n')[0]).toBe(`awk: ${message} at line 1`)
    expect(r.status).toBe('syntax error')
  })
})

describe('messages', () => {
  it.each([
    ['BEGIN {\n x = 1 / 0\n}', 'awk: division by zero\n source line 2\n', 'FATAL'],
    [
      'BEGIN { x = 1\ny = 2 +* 3\nprint y }',
      'awk: syntax error at line 2\n context is\n\ty = 2 >>>  +* <<<  3\nawk: illegal statement at line 3\n',
      'syntax error',
    ],
    [
      'BEGIN { if (1) { print "x"',
      "awk: syntax error at line 1\n context is\n\t >>>  <<< \nawk: illegal statement at line 1\n\t2 missing }'s\n",
      'syntax error',
    ],
    [
      'function f(a) {\nreturn a\n}\n{ print f(1) } }\nBEGIN { print 1 }',
      'awk: extra } at line 4\n context is\n\t{ print f(1) } >>>  } <<< \nawk: syntax error at line 4\n\textra }\nawk: bailing out at line 5\n',
      'syntax error',
    ],
    ['function f(a) { next }', 'awk: next is illegal inside a function at line 1 in function f\n', 'syntax error'],
    ['BEGIN { f(1) }', 'awk: calling undefined function f\n source line 1\n', 'FATAL'],
    ['BEGIN { printf "%z\\n", 1 }', 'awk: weird printf conversion %z\n source line 1\n', ''],
    ['BEGIN { x = log(-1) }', 'awk: log argument out of domain\n source line 1\n', ''],
    ['BEGIN { print length(1, 2) }', 'awk: warning: function has too many arguments\n source line 1\n', ''],
  ])('of %j', async (prog, stderr, status) => {
    const r = await awk(prog)
    expect(r.stderr.slice(0, stderr.length)).toBe(stderr)
    expect(r.status).toBe(status)
  })
  it('name the record and the file', async () => {
    const w = new World({
      '/tmp/in': 'a\nb\n',
      '/tmp/p': '# a program\n{ print 1 / (NR - 2) }\n',
      '/tmp/q': 'BEGIN {\n(\n',
    })
    expect((await w.run(['awk', '-f', 'p', 'in'])).stderr).toBe(
      'awk: division by zero\n input record in:2\n source line 2\n',
    )
    expect((await w.run(['awk', '-f', 'q'])).stderr).toMatch(/^awk: syntax error at q:3\n/)
    expect((await w.run(['awk', '-f', 'nosuch'])).stderr).toMatch(/^awk: can't open file nosuch\n source nosuch:1\n/)
    expect((await w.run(['awk'])).status).toBe('usage')
    expect((await w.run(['awk', '-version'])).stdout).toBe('awk version 19990602\n')
    expect((await w.run(['awk', '-d', 'BEGIN { print "x" }'])).stdout).toBe('awk version 19990602\nx\n')
  })
})
