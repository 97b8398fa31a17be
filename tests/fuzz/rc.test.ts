import { expect, test } from 'vitest'
import { ParseError, parse } from '../../shell/parse.ts'
import { print } from '../../shell/print.ts'
import type { Command } from '../../shell/tree.ts'
import { scripts } from '../rc/scripts.ts'

const seed = Number(process.env['SEED'] ?? 9)

/** mulberry32 */
function random(seed: number): (n: number) => number {
  let a = seed >>> 0
  return n => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

/** Trees without their lines. */
function plain(t: readonly Command[]): string {
  return JSON.stringify(t, (k, v) => (k === 'line' ? undefined : v))
}

/** Nothing but a tree or a ParseError comes out, and a tree that comes out prints as what reads back. */
function survives(text: string, what: string): void {
  try {
    const trees = parse(`{\n${text}\n}`)
    for (const t of trees) expect(plain(parse(print(t))), what).toBe(plain([t]))
  } catch (e) {
    if (!(e instanceof ParseError)) throw new Error(`${what}: ${JSON.stringify(text)}`, { cause: e })
    expect(e.message).not.toBe('')
  }
}

test(`rc's parser survives any bytes (SEED=${seed})`, () => {
  const rand = random(seed)
  const utf = new TextDecoder()
  for (let i = 0; i < 3000; i++) {
    const b = Uint8Array.from({ length: rand(200) }, () => rand(256))
    survives(utf.decode(b), `bytes ${i}`)
  }
})

test(`rc's parser survives its own tokens in any order (SEED=${seed})`, () => {
  const rand = random(seed + 1)
  const tokens =
    "if( if not while( for(x in ) for(x) switch( { } ( ) case fn ~ ! @ & && || | |[2] |[1=2] |[2=] > < >> << <> >[2=1] >[2=] <{ >{ `{ ` $ $# $\" = ^ ' '' \\ \\\n # ; \n a *.c EOF in not 'q' [ ] \0 \x01".split(
      ' ',
    )
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: rand(40) }, () => tokens[rand(tokens.length)]! + (rand(2) ? ' ' : '')).join('')
    survives(text, `tokens ${i}`)
  }
})

test(`rc's parser survives scripts with something changed (SEED=${seed})`, () => {
  const rand = random(seed + 2)
  const chars = '{}()[]<>|&;$`\'"^=~!@#\\\n \tab*?\0\x01é'
  for (let i = 0; i < 4000; i++) {
    let text = scripts[rand(scripts.length)]!.text
    for (let n = 1 + rand(4); n > 0; n--) {
      const at = rand(text.length + 1)
      const c = [...chars][rand([...chars].length)]!
      const cut = rand(3) === 0 ? rand(10) : rand(2)
      text = text.slice(0, at) + (rand(4) ? c : '') + text.slice(at + cut)
    }
    survives(text, `script ${i}`)
  }
})
