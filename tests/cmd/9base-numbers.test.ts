import { describe, expect, it } from 'vitest'
import { gfmt } from '../../plan9/libc/fmt.ts'
import { Random } from '../random.ts'
import { Peer, show } from './peer.ts'

const peer = new Peer({ 'a.hoc': 'func double(x) return 2*x\ndouble(3)\n', values: '1 2\n3' })

const commands: string[][] = [
  ['factor', '1', '2', '3', '4', '12', '97', '0', '1001', '65536', '999999999989'],
  ['factor', '9007199254740881'],
  ['factor', '6700417'],
  ['primes', '0', '300'],
  ['primes', '1', '1'],
  ['primes', '2', '2'],
  ['primes', '3', '11'],
  ['primes', '100', '50'],
  ['primes', '229', '233'],
  ['primes', '1000000', '1000400'],
  ['primes', '7', '-1'],
  ['primes', '999999000000', '999999000300'],
  ['primes', '1', '9007199254740993000'],
  ['cal', '1', '2000'],
  ['cal', '2', '1900'],
  ['cal', '2', '2000'],
  ['cal', '2', '1700'],
  ['cal', 'feb', '2024'],
  ['cal', 'september', '1752'],
  ['cal', 'sept', '1999'],
  ['cal', '1'],
  ['cal', 'jun'],
  ['cal'],
  ['cal', '0'],
  ['cal', '13'],
  ['cal', '90'],
  ['cal', 'x'],
  ['cal', '13', '2000'],
  ['cal', '1', '10000'],
  ['cal', '10000'],
  ...[1, 4, 1582, 1751, 1752, 1753, 1800, 1900, 2000, 2026, 9999].map(y => ['cal', String(y)]),
]

/** Programs of hoc, each read from standard input and from a file. */
const hocs = [
  '1+2\n',
  '1+2',
  '2^3^2\n-2^2\n2^-1\n-3^2*2\n!0+1\n!2\n',
  '7%3\n-7%3\n7.5%2\n1/3\n1e10\n123456789012\n1234567890123\n1e-5\n.5\n5.\n1.5e3\n',
  'x=3\nx\nx+=2\nx\nx*=2\nx\nx/=4\nx\nx-=1\nx\nx%=1\nx\ny+=1\ny\n',
  '(x=3)\n1+x=2\n2*x=3+4\nx\n',
  'x=1\nx++\nx\n++x\nx--\n--x\n',
  '1<2\n2<1\n1<=1\n1==1\n1!=1\n1&&0\n1||0\n1<2<3\n',
  'PI\nE\nGAMMA\nDEG\nPHI\n_\n_+1\n_\n',
  'sin(1)\ncos(1)\ntan(1)\natan(1)\nasin(1)\nacos(0)\nsinh(1)\ncosh(1)\ntanh(1)\nlog(2)\nlog10(2)\nexp(1)\nsqrt(2)\nint(-2.7)\nabs(-3)\n',
  'print 1, "a\\tb\\n", 2+3\nprint "x\\n"\n',
  'for(i=0;i<5;i++) print i, "\\n"\nwhile(i>0) i--\ni\nif(i) print "yes\\n" else print "no\\n"\n',
  'func fac(n) if(n<2) return 1 else return n*fac(n-1)\nfac(10)\nfac(0)\n',
  'func gcd(a, b) {\n\ttemp = abs(a) % abs(b)\n\tif(temp == 0) return abs(b)\n\treturn gcd(b, temp)\n}\nfor(i=1; i<12; i++) print gcd(i,12)\n',
  'func f(x) {\nwhile(1) {\nx++\nif(x>10) return x\n}\n}\nf(3)\nx=5\nf(x)\nx\n',
  'func f(a) return g+a\ng=1\nf(2)\nproc q() g=10\nq()\ng\n',
  '# comment\n1 # more\n\\\n2+\\\n3\n',
  '{ a=1 b=2 print a+b, "\\n" }\na b\n',
  'a=1\n{\na++\n\n++a\n}\na\n',
]
/** With an error: what comes before it is compared, and whether anything does after it. */
const wrong = [
  '1\n1/0\n2\n',
  '5%0\n',
  'x\n',
  'log(-1)\n',
  'log(0)\n',
  'exp(1000)\n',
  'sqrt(-1)\n',
  'int(1e10)\n',
  '(-8)^.5\n',
  '10^400\n',
  '1 +\n2\n',
  'return 1\n',
  'func f(a) return a\nf()\nf(1,2)\n',
  'func f() { print 1 }\nf()\n',
  'proc p() return 1\np()\n',
  'print "a\n',
  'sin\n',
  'f(1)\n',
  'if(1)\nprint 2\n',
  'if(1) { print 2 }\nelse print 3\n',
  '1;2\n',
  'func sin(x) return x\n',
]

/** 9base's hoc prints all the digits of a number, 9front's twelve. */
function hoc(cmd: string[], stdin: string) {
  const { stdout, failed } = peer.theirs(cmd, stdin)
  return { failed, stdout: stdout.replace(/\d+(\.\d*)?(e[-+]\d+)?/g, n => gfmt(Number(n), 12)) }
}

describe('as 9base prints it', () => {
  it.each(hocs.map(p => [p] as const))('hoc <<%j', async program => {
    expect(await peer.ours(['hoc'], program)).toEqual(hoc(['hoc'], program))
  })
  it.each(wrong.map(p => [p] as const))('hoc, an error: <<%j', async program => {
    expect(await peer.ours(['hoc'], program)).toEqual(hoc(['hoc'], program))
  })
  it('hoc reads values, from where its program stands', async () => {
    for (const input of ['while(read(x)) print x*2\n1 2 3 4.5e1\n', 'read(x)\n7\nx\nread(y)\ny\n', 'read(x)\nabc\n'])
      expect(await peer.ours(['hoc'], input)).toEqual(hoc(['hoc'], input))
    for (const cmd of [
      ['hoc', '-e', '1+1', '-e2+2'],
      ['hoc', 'a.hoc', '-'],
      ['hoc', 'nosuch', 'a.hoc'],
      ['hoc', '-e'],
    ])
      expect(await peer.ours(cmd, 'double(4)\n')).toEqual(peer.theirs(cmd, 'double(4)\n'))
    // 9base's loses the number that ends the input.
    const values = await peer.ours(['hoc', '-e', 'while(read(x)) print x', 'values'])
    expect(values).toEqual({ stdout: '1 2 3 ', failed: false })
  })
  it('hoc runs procedures that return, of which 9base dies', async () => {
    const program = 'proc p(a,b) {\nprint a, b, "\\n"\nif(a>1) return\nprint "more\\n"\n}\np(1,2)\np(2,3)\n'
    expect(await peer.ours(['hoc'], program)).toEqual({ stdout: '1 2 \nmore\n2 3 \n', failed: false })
  })
  it('hoc, for random expressions', async () => {
    const r = new Random(20261123)
    const expr = (d: number): string => {
      const k = d > 0 ? r.int(8) : 0
      if (k < 2) return r.pick(['0', '1', '2', '3', '.5', '10', '1e3', 'a', 'b', 'PI'])
      if (k < 6) return `${expr(d - 1)}${r.pick(['+', '-', '*', '<', '==', '>=', '&&', '||', '!='])}${expr(d - 1)}`
      if (k === 6) return r.pick([`(${expr(d - 1)})`, `-${expr(d - 1)}`, `!${expr(d - 1)}`])
      return r.pick([
        `abs(${expr(d - 1)})`,
        `atan(${expr(d - 1)})`,
        `(${expr(d - 1)})/7`,
        `(${expr(d - 1)})%(3)`,
        'a++',
        '(b=2)',
      ])
    }
    for (let i = 0; i < 40; i++) {
      const program = `a=3\nb=4\n${Array.from({ length: 20 }, () => `${expr(4)}\n`).join('')}`
      expect({ program, ...(await peer.ours(['hoc'], program)) }).toEqual({ program, ...hoc(['hoc'], program) })
    }
  })
})

describe('as 9base prints it', () => {
  it.each(commands.map(c => [show(c), c] as const))('%s', async (_, cmd) => {
    const theirs = peer.theirs(cmd)
    // Its cal has letters where 9front's has Su and Sa.
    if (cmd[0] === 'cal') theirs.stdout = theirs.stdout.replaceAll(' S  M Tu  W Th  F  S', 'Su  M Tu  W Th  F Sa')
    expect(await peer.ours(cmd)).toEqual(theirs)
  })
  // Without blank lines and with a newline at the end: its lines run together where those are not.
  it.each(['12\n97\n', '7\n0\n9\n', '', '-4\n', 'x\n'])('factor <<%j', async input => {
    expect(await peer.ours(['factor'], input)).toEqual(peer.theirs(['factor'], input))
  })
})
