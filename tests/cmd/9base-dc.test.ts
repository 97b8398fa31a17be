import { describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { Peer } from './peer.ts'

const peer = new Peer({ program: '[file]P 1 2+p\n', half: '5k 1 2/\n' })

const programs = [
  '1 2+p\n3-p\n4*p\n5/p\n7%p\n',
  '2k 1 3/p 22 7/p 1 8/p 10 4%p 10 3%p 1.5 .7%p\n',
  '_5 3/p _5 3%p 5 _3/p 5 _3%p\n',
  '2 10^p 2 100^p 1.5 3^p 3k 1.5 3^p 2 _2^p 0 0^p\n',
  '2vp 10k 2vp 0vp 144vp .25vp 1.23456v p\n',
  '_4v\n1 0/\n1 0%\n+\n1+f\n1.5 2 .5^p\n*\nv\n',
  '.5p 0.5p .05p 1.25p 12.345p 100.01p .1 .2+p _.5p _1.05p 0p 0.0p 1.p\n',
  '12345678901234567890123456789012345678901234567890123456789012345678901234567890p\n',
  '1234567890123456789012345678901234567890123456789012345678901234567890123.456p\n',
  '_123456789012345678901234567890123456789012345678901234567890123456789012345p\n',
  '16i FFp A.8p 10p Ai 16o 255p 8o 64p 2o 10p 10o 99p Ip Op\n',
  '100o 12345p 1000o 123456789p 20o 400p 17o 16p\n',
  '[hello]p P [h[i]j]p f\n',
  '1 2 3 f c f z p\n',
  '5sa la p la1+sa la p lb p\n',
  '1 Sa 2 Sa La p La p La\ns\nS\n',
  '[la1+dsa*pla10>y]sy 0sa1 lyx\n',
  '[1p]sa [2p]sb 3 4<a 3 4>b 3 4=a 4 4=b 3 4!<a 3 4!>b 3 4!=a 4 4!=b\n',
  '[q]sq 1 p lqx 2 p\n',
  '[[[3Q]x 1p]x 2p]x 3p\n',
  '[1p 2Q 2p]x 3p\n',
  '5 !<a\n<a =a\n5 >a p\n_105 =q f\n',
  '_5x f\n_100x f\n_1x f\n12345x f\n_12345x f\n6599x f\n1.5x\n1 lax f\n3 4<q f\n',
  '1 2 l<3>x f\n3l<22>x f\n3l<23>p\n',
  '7 1:a 8 2:a 1;a p 2;a p 3;a p\n',
  '_1 1:a\n1 5000:a\n1 _1:a\n',
  '123Zp 0Zp 1.25Xp 100 ZpXp\n',
  '3kKp 100k\n',
  '1 2 d p f\nzp\n',
  'm\n&\n',
  '?\n1 2+p\n3p\n',
  '[1 p q]x 2p\n',
  '2k 1.11 _1.23*p _1.11 1.23*p 1k _1.11 1.23*p 3k 1.1111 _1.2222*p\n',
  '20k 1 7/p 355 113/p 1 3/ 3*p\n',
  '1sq180sr60st2si[3li*1+d1+*3*suli27*12-lq*5lr*+lt\n5*/d48+Psy10lqlid2*1-***10lulqli5*2-*lr+lylt*-**\nsrsqlult*stli1+silmx]s',
]

describe("as 9base's dc prints it", () => {
  it.each(programs.map(p => [p] as const))('%j', async program => {
    expect(await peer.ours(['dc'], program)).toEqual(peer.theirs(['dc'], program))
  })
  it('reads a file, then standard input', async () => {
    for (const cmd of [
      ['dc', 'program'],
      ['dc', 'half'],
      ['dc', 'nosuch'],
    ])
      expect(await peer.ours(cmd, 'p 2 3*p\n')).toEqual(peer.theirs(cmd, 'p 2 3*p\n'))
  })
  it('writes fractions in other bases as 9front does, where a long has 32 bits', async () => {
    const { stdout } = await peer.ours(['dc'], '16o 3k 10.5p 255.75p _10.25p\n2o 5k .5p\n20o 2k 1.5p\n')
    expect(stdout).toBe('a.80\nff.c0\n-a.40\n.1000000000000000\n 01.10 \n')
  })
  it('for random integers in any base', async () => {
    const r = new Random(7)
    for (let i = 0; i < 60; i++) {
      const n = BigInt(`${1 + r.int(9)}${Array.from({ length: r.int(60) }, () => r.int(10)).join('')}`)
      const program = `${r.pick([2, 3, 7, 8, 10, 16, 17, 60, 100, 1000, 12345])}o ${r.pick(['', '_'])}${n}p\n`
      expect({ program, ...(await peer.ours(['dc'], program)) }).toEqual({ program, ...peer.theirs(['dc'], program) })
    }
  })
  it('for random expressions', async () => {
    const r = new Random(20261123)
    const digits = (n: number) => Array.from({ length: n }, () => r.int(10)).join('')
    const number = () =>
      `${r.pick(['', '', '_'])}${digits(r.int(r.pick([3, 12, 40])))}${r.pick(['', '', '.'])}${digits(1 + r.int(6))}`
    for (let i = 0; i < 150; i++) {
      let program = ''
      for (let j = 0; j < 12; j++) {
        if (r.int(4) === 0) program += `${r.int(r.pick([4, 12, 31]))}k `
        const op = r.pick(['+', '-', '*', '/', '%', '+', '-', '*', 'v', '^'])
        if (op === 'v') program += `${number().replace('_', '')} v p c\n`
        else if (op === '^') program += `${number().slice(0, 9)} ${r.pick(['', '_'])}${r.int(9)}^ p c\n`
        else program += `${number()} ${number()} ${op} p c\n`
      }
      expect({ program, ...(await peer.ours(['dc'], program)) }).toEqual({ program, ...peer.theirs(['dc'], program) })
    }
  }, 60_000)
})
