import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PNGROUP, type Program, RFFDG, RFPROC } from '../../plan9/kernel/sys.ts'
import { Random } from '../random.ts'
import { Peer } from './peer.ts'
import { World } from './world.ts'

const library = readFileSync(fileURLToPath(new URL('../../plan9/root/sys/lib/bclib', import.meta.url)))
const peer = new Peer({ one: 'a=5\ndefine f(x){\nreturn x*a\n}\n', two: 'f(3)\na', bclib: library })

/** Errors name file and line the other way about in 9base. */
const same = (stdout: string) =>
  stdout
    .replace(/^syntax error:(\d+), .*$/gm, '$1 syntax error')
    .replace(/^[\w/]+:(\d+) syntax error$/gm, '$1 syntax error')

async function compare(program: string, ...args: string[]): Promise<void> {
  const [ours, theirs] = [await peer.ours(['bc', ...args], program), peer.theirs(['bc', ...args], program)]
  expect({ program, out: same(ours.stdout) }).toEqual({ program, out: same(theirs.stdout) })
}

const programs = [
  '',
  '1+2',
  '1+2\n3*4;5-6\n7/2;7%2;2^10;-7%3\n',
  '1 +\n3\n@\n4\n',
  'x(3)\n5\n',
  '7\ng(3)\n5\n',
  '1/0\n2\n1%0\n',
  'define f(x){\nauto a\na=x*2\nreturn a+1\n}\nf(3)\na\n',
  'define f(n){\nif(n<2) return 1\nreturn n*f(n-1)\n}\nf(40)\n',
  'define f(n){\nauto i,s\nfor(i=0;i<n;i++){\nif(i==3) break\ns+=i\n}\nreturn(s)\n}\nf(2);f(10)\n',
  'define h(){\nreturn\n}\nh()\n',
  'if(1<2) 5 else 6\n7\n',
  'for(i=0;i<3;i++) i\nfor(i=0;i<3;i++) print i\n',
  '1==2\n3\n',
  '~a=3\n~a\nprint 5\n',
  'print "x"\n8\n',
  'i=1;while(1){i+=1;if(i>5)break;print i}\na[3]++;a[3];++a[3];a[3]--;--a[3]\na[1]+=4;a[1]\n',
  'scale=5\n1/3\nscale\nsqrt(2)\nlength(1.23)\nscale(1.2300)\nscale+=2;scale;1/7;scale++;--scale\n',
  'ibase=16\nFF\nibase\nibase=A\nobase=16\n255\nobase=2;9\nobase;ibase+=6;10;obase++;obase\n',
  'a=b=3;a;b\n1+a=4\na\n-a^2;2^-1;-2*3+1;2^3^2;2-3-4;(a=7)\n',
  'quit\n1\n',
  '3;qu\n1\n',
  'foo\n1\nzz\n2\n',
  '1/* a * b **/+2\n1+\\\n2\n1 2 3\n1.5;.5;5.;_3;_.5;.\n',
  'define f(x){ return 1 }\n2\n',
  'a[1\n',
  'i=3;while(i--) print i\nif(i) print 7;8\n;;;\n{print 1;print 2}\n',
  'a[5000]=1\na[-1]\n3\n',
  'sqrt(-1)\n2^.5\n3\n',
  '"never closed\n1+2\n',
  '/* never closed\n1+2\n',
]

describe("as 9base's bc prints it", () => {
  it.each(programs.map(p => [p] as const))('%j', program => compare(program))
  it('reads files, then standard input', async () => {
    await compare('*2\nf(a)\n', 'one', 'two')
    const r = await peer.ours(['bc', 'nosuch', 'one'], 'f(2)\n+*\n')
    expect(r.stdout).toBe('nosuch:1 cannot open input file\n10\nstdin:2 syntax error\nstdin:2 syntax error\n')
  })
  it('for random programs', async () => {
    const r = new Random(20261124)
    const number = () => `${r.int(r.pick([5, 100, 1_000_000]))}${r.pick(['', '', `.${r.int(1000)}`])}`
    const name = () => r.pick(['a', 'b', 'c', 'd[1]', 'd[2]', 'd[a-a]'])
    // Only the program calls: a function that called would not end.
    let calls = false
    const expr = (depth: number): string => {
      if (depth === 0) return r.pick([number, name])()
      switch (r.int(10)) {
        case 0:
          return `(-${expr(depth - 1)})`
        case 1:
          return `(${expr(depth - 1)})`
        case 2:
          return `(${name()}${r.pick(['=', '+=', '-='])}${expr(depth - 1)})`
        case 3:
          if (!calls) return number()
          return `${r.pick(['f', 'g'])}(${expr(depth - 1)},${expr(depth - 1)})`
        case 4:
          return `${name()}${r.pick(['++', '--'])}`
        case 5:
          // 9base counts one digit too many in some negative numbers, and in a product that is 0.
          return r.pick(['length((E)^2+1)', 'scale(E)']).replace('E', expr(depth - 1))
        case 6:
          return `(${expr(depth - 1)})^${r.int(4)}`
        default:
          return `${expr(depth - 1)}${r.pick(['+', '-', '*', '+', '-', '*', '/'])}${expr(depth - 1)}`
      }
    }
    const relation = () => `${expr(1)}${r.pick(['<', '>', '<=', '>=', '==', '!='])}${expr(1)}`
    const stat = (depth: number): string => {
      const inner = () => (depth === 0 ? `print ${expr(1)}` : stat(depth - 1))
      switch (r.int(8)) {
        case 0:
          return `if(${relation()}) ${inner()}`
        case 1: {
          const v = 'ijk'[depth]!
          return `for(${v}=0;${v}<${r.int(4)};${v}++){${inner()};if(${relation()}) break;print ${v}}`
        }
        case 2:
          return `{${inner()}\n${inner()}}`
        case 3:
          return `scale=${r.int(12)}`
        case 4:
          return `${name()}${r.pick(['=', '+=', '-=', '*='])}${expr(1)}`
        default:
          return `print ${expr(2)}`
      }
    }
    const functions = () =>
      `define f(x,y){\nauto i,j,k\n${stat(1)}\nreturn x*y-${number()}\n}\ndefine g(a,b){\nif(a<b) return a-b\nreturn ${number()}+a\n}\n`
    for (let i = 0; i < 500; i++) {
      calls = false
      let program = functions()
      calls = true
      for (let j = 0; j < 4; j++) program += `${r.int(3) === 0 ? expr(2) : stat(2)}${r.pick(['\n', ';'])}`
      if (r.int(6) === 0) program += `${r.pick(['1+*2', 'if(', 'a[', 'G', 'f(', ')', 'define', 'print'])}\n`
      await compare(`${program}\na;b;c\n`)
    }
  }, 300_000)
})

/** Reals as integers of that many digits behind the point: what the library is to come to. */
const DIGITS = 160
const ONE = 10n ** BigInt(DIGITS)
const fixed = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.')
  const v = BigInt((whole || '0') + fraction) * 10n ** BigInt(DIGITS - fraction.length)
  return text.startsWith('-') ? -v : v
}
const times = (x: bigint, y: bigint) => (x * y) / ONE
/** The sum of terms, each the one before it times x and a ratio. */
function series(first: bigint, x: bigint, over: (i: bigint) => bigint): bigint {
  let sum = first
  for (let i = 1n, t = first; t !== 0n; i++) {
    t = times(t, x) / over(i)
    sum += t
  }
  return sum
}
const exp = (x: bigint) => series(ONE, x, i => i)
const sin = (x: bigint) => series(x, -times(x, x), i => 2n * i * (2n * i + 1n))
const cos = (x: bigint) => series(ONE, -times(x, x), i => 2n * i * (2n * i - 1n))
/** Newton's way, from the host's number. */
function inverse(start: number, step: (y: bigint) => bigint): bigint {
  let y = fixed(start.toFixed(20))
  for (let i = 0; i < 5; i++) y -= step(y)
  return y
}
const ln = (x: bigint, host: number) => inverse(Math.log(host), y => ONE - (x * ONE) / exp(y))
const atan = (x: bigint, host: number) =>
  inverse(Math.atan(host), y => times(times(sin(y), ONE) - times(x, cos(y)), cos(y)))
function bessel(n: number, x: bigint): bigint {
  let first = ONE
  for (let i = 1; i <= n; i++) first = times(first, x) / BigInt(2 * i)
  return series(first, -times(x, x) / 4n, i => i * (BigInt(n) + i))
}

describe('the library', () => {
  it('for random arguments, to the scale asked for', async () => {
    const r = new Random(20261125)
    const world = new World({ '/sys/lib/bclib': library })
    for (let i = 0; i < 60; i++) {
      const scale = r.int(50)
      const name = r.pick(['e', 'l', 'a', 's', 'c', 'j'])
      const n = r.int(12)
      const sign = name === 'l' ? '' : r.pick(['', '-'])
      const arg = `${sign}${r.int(r.pick([1, 3, 20]))}.${1 + r.int(r.pick([9, 10 ** 9]))}`
      const program = `scale=${scale};${name}(${name === 'j' ? `${n},` : ''}${arg})`
      const { stdout } = await world.run(['bc', '-l'], `${program}\n`)
      const x = fixed(arg)
      const want = { e: exp, l: ln, a: atan, s: sin, c: cos, j: (y: bigint) => bessel(n, y) }[name]!(x, Number(arg))
      const got = fixed(stdout.replace(/\\\n/g, '').trim())
      const error = got - want < 0n ? want - got : got - want
      expect({ program, stdout, close: error <= ONE / 10n ** BigInt(scale) }).toMatchObject({ close: true })
    }
  }, 120_000)
  it("runs the same in 9base's bc", async () => {
    const program =
      'scale=20;s(1);c(1);e(1);l(2);a(1);j(0,1);s(-100);e(-3);l(.001);a(-50);j(3,7);ibase=8;s(10);ibase;scale\n'
    await compare(program, 'bclib')
  })
  it('leaves the scale and the base as they were, and starts with a scale of 50', async () => {
    const world = new World({ '/sys/lib/bclib': library })
    const calls = ['s(A)', 'c(1)', 'e(2)', 'l(3)', 'l(0)', 'a(0)', 'j(1,2)']
    const { stdout } = await world.run(
      ['bc', '-l'],
      `obase=A;scale;ibase=8\n${calls.map(c => `t=${c};scale;ibase\n`).join('')}`,
    )
    expect(stdout).toBe(`50\n${'50\n8\n'.repeat(calls.length)}`)
  })
})

describe('options and what 9base cannot tell', () => {
  it('prints strings, newlines and bytes in them, and no unbalanced brackets', async () => {
    const bytes = Uint8Array.from(Buffer.from('"a\xff\n[b]\n"\n"]"\n1\n', 'latin1'))
    expect((await peer.ours(['bc'], bytes)).stdout).toBe('a\xff\n[b]\nstdin:2 unbalanced brackets in a string\n1\n')
  })
  it('passes arrays by value', async () => {
    const program =
      'define k(a,b[]){\nauto c[]\nb[0]=9;c[1]=7;return a+b[0]+b[1]\n}\nb[0]=1;b[1]=2;c[1]=5\nk(4,b[])\nb[0];c[1]\n'
    expect((await peer.ours(['bc'], program)).stdout).toBe('15\n1\n5\n')
  })
  it('-s prints what print prints', async () => {
    expect((await peer.ours(['bc', '-s'], '1;print 2\na=3;a\n"t\n"\n')).stdout).toBe('2\nt\n')
  })
  it('-c prints the code, which dc runs', async () => {
    const program = 'define f(x){\nreturn x*2\n}\nfor(i=0;i<3;i++) print f(i)\nnonsense(\n'
    const code = (await peer.ours(['bc', '-c'], program)).stdout
    expect(code).toContain('s<6>')
    expect(await peer.ours(['dc'], code)).toEqual(await peer.ours(['bc'], program))
  })
  it('-d shows the code on standard error; other options are errors', async () => {
    const world = new World()
    expect(await world.run(['bc', '-d'], '1\n')).toMatchObject({ stdout: '1\n', stderr: 'bc: " 1 ps.\\n"\nbc: "q"\n' })
    expect(await world.run(['bc', '-x'], '1\n')).toMatchObject({
      status: 'usage',
      stderr: 'usage: bc [-cdls] [file ...]\n',
    })
  })
  it('says where a program is too big, and ends', async () => {
    expect((await peer.ours(['bc'], `1\ndefine f(){\n${'if(1) a\n'.repeat(100)}}\n2\n`)).stdout).toMatch(
      /^1\nstdin:\d+ program too big\n$/,
    )
  })
  it('ends on any bytes', async () => {
    const r = new Random(20261126)
    for (let i = 0; i < 30; i++) {
      const { stdout } = await peer.ours(['bc', '-c'], r.bytes(2000))
      expect(stdout.endsWith('q')).toBe(true)
    }
  })
})

describe('without an end', () => {
  const yes: Program = async sys => {
    for (;;) await sys.write(1, 'y+=1;y\n'.repeat(100))
  }
  it('answers while input comes', async () => {
    const world = new World({}, { yes })
    expect((await world.pipe([['yes'], ['bc'], ['head', '-n', '3']])).stdout).toBe('1\n2\n3\n')
  })
  it('an interrupt ends a loop', async () => {
    const world = new World({ '/w/loop': 'print 1\nwhile(1) x\n' })
    const { pid, result, out } = await world.start(['bc', '/w/loop'])
    while (world.text(out) === '') await new Promise(resolve => setTimeout(resolve, 5))
    await world.kernel.postnote(PNGROUP, pid, 'interrupt')
    expect(await result).toMatchObject({ status: 'interrupt', stdout: '1\n' })
  })
  it('a statement is answered before the next is there', async () => {
    const talk: Program = async sys => {
      const [mine, its] = await sys.pipe()
      const [out, itsout] = await sys.pipe()
      await sys.rfork(RFPROC | RFFDG, async child => {
        await child.dup(its, 0)
        await child.dup(itsout, 1)
        for (const fd of [mine, its, out, itsout]) await child.close(fd)
        return child.exec('/bin/bc', ['bc'])
      })
      for (const line of ['1+1\n', 'define f(x){\nreturn x+1\n}\nf(2)\n', '"s";\n', 'quit\n']) {
        await sys.write(mine, line)
        if (line !== 'quit\n') await sys.write(1, await sys.read(out, 100))
      }
      await sys.wait()
      return ''
    }
    expect((await new World({}, { talk }).run(['talk'])).stdout).toBe('2\n3\ns')
  })
})
