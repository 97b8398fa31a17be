import { expect, test } from 'vitest'
import { ParseError, parse } from '../../shell/parse.ts'
import { print } from '../../shell/print.ts'
import type { Command } from '../../shell/tree.ts'
import { Random } from '../random.ts'
import { program } from '../rc/random.ts'
import { scripts } from '../rc/scripts.ts'

const seed = Number(process.env['SEED'] ?? 9)

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
  const rand = new Random(seed)
  const utf = new TextDecoder()
  for (let i = 0; i < 3000; i++) {
    const b = rand.bytes(rand.int(200))
    survives(utf.decode(b), `bytes ${i}`)
  }
})

test(`rc's parser survives its own tokens in any order (SEED=${seed})`, () => {
  const rand = new Random(seed + 1)
  const tokens =
    "if( if not while( for(x in ) for(x) switch( { } ( ) case fn ~ ! @ & && || | |[2] |[1=2] |[2=] > < >> << <> >[2=1] >[2=] <{ >{ `{ ` $ $# $\" = ^ ' '' \\ \\\n # ; \n a *.c EOF in not 'q' [ ] \0 \x01".split(
      ' ',
    )
  for (let i = 0; i < 5000; i++) {
    const text = Array.from(
      { length: rand.int(40) },
      () => tokens[rand.int(tokens.length)]! + (rand.int(2) ? ' ' : ''),
    ).join('')
    survives(text, `tokens ${i}`)
  }
})

/** A text with up to four characters put in or taken away. */
function changed(text: string, rand: Random): string {
  const chars = [...'{}()[]<>|&;$`\'"^=~!@#\\\n \tab*?\0\x01é']
  let s = text
  for (let n = 1 + rand.int(4); n > 0; n--) {
    const at = rand.int(s.length + 1)
    const cut = rand.int(3) === 0 ? rand.int(10) : rand.int(2)
    s = s.slice(0, at) + (rand.int(4) ? rand.pick(chars) : '') + s.slice(at + cut)
  }
  return s
}

test(`rc's parser survives scripts with something changed (SEED=${seed})`, () => {
  const rand = new Random(seed + 2)
  for (let i = 0; i < 4000; i++) survives(changed(rand.pick(scripts).text, rand), `script ${i}`)
})

test(`random programs are read, print as what reads back, and survive being changed (SEED=${seed})`, () => {
  const rand = new Random(seed + 3)
  for (let i = 0; i < 3000; i++) {
    const text = program(Array.from({ length: 400 }, () => rand.int(2520)))
    const trees = parse(`{\n${text}}`)
    expect(plain(parse(print(trees[0]))), text).toBe(plain(trees))
    survives(changed(text, rand), `program ${i}`)
  }
})

test('what is nested, chained or open beyond all measure is an error or a tree', () => {
  const openings = "{,(,`{,$,$#,if(,@ ,! ,a | ,a && ,a^,((,<{,',fn f {,switch(a){,x=,>f ,for(i) ,a;,a\n,a ,\\\n,#,<<E\n"
  for (const s of openings.split(',')) survives(s.repeat(20_000), `20,000 times ${s}`)
})
