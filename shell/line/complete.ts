import { DMDIR, OREAD } from '../../plan9/9p/const.ts'
import { convM2Ds, type Dir } from '../../plan9/9p/dir.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Sys } from '../../plan9/kernel/sys.ts'
import type { Completion } from './console.ts'

/** rc's own commands, which are in no directory. */
const builtins = [
  'builtin',
  'cd',
  'eval',
  'exec',
  'exit',
  'finit',
  'flag',
  'newpgrp',
  'rfork',
  'shift',
  'wait',
  'whatis',
]
const keywords = ['for', 'if', 'if not', 'in', 'switch', 'while', 'fn']

/** What cannot stand in a word of rc without quotes. */
const special = /[\s'#;&|^$=`{}()<>*?[\]~!@"\\]/

/** The word that ends at the cursor. */
interface Word {
  /** Where it begins, in characters. */
  start: number
  /** What it means, without quotes. */
  text: string
  quoted: boolean
  /** It is where a command's name stands. */
  command: boolean
}

function lastWord(chars: string[]): Word {
  let start = 0
  let text = ''
  let quoted = false
  let open = false
  let command = true
  for (let i = 0; i < chars.length; i++) {
    const ch = chars[i]!
    if (open) {
      if (ch !== "'") text += ch
      else if (chars[i + 1] === "'") {
        text += ch
        i++
      } else open = false
    } else if (ch === "'") {
      open = true
      quoted = true
    } else if (/[\s;&|^`{}()<>=]/.test(ch)) {
      if (/[;&|{()`]/.test(ch)) command = true
      else if (quoted || !['', '!', '@', 'if', 'not'].includes(text)) command = false
      start = i + 1
      text = ''
      quoted = false
      if (/[<>]/.test(ch)) command = false
    } else text += ch
  }
  return { start, text, quoted, command }
}

async function list(sys: Sys, dir: string): Promise<Dir[]> {
  try {
    const fd = await sys.open(dir, OREAD)
    try {
      const dirs: Dir[] = []
      for (;;) {
        const data = await sys.read(fd, 65536)
        if (data.length === 0) return dirs
        dirs.push(...convM2Ds(data))
      }
    } finally {
      await sys.close(fd)
    }
  } catch (e) {
    if (e instanceof PlanError) return []
    throw e
  }
}

function common(names: string[]): string {
  let prefix = names[0]!
  for (const name of names) while (!name.startsWith(prefix)) prefix = [...prefix].slice(0, -1).join('')
  return prefix
}

const quote = (s: string): string => `'${s.replaceAll("'", "''")}'`

/** A variable's name, of those in /env. */
async function variables(sys: Sys, word: Word, base: string): Promise<Completion | undefined> {
  const names = (await list(sys, '/env'))
    .map(d => d.name)
    .filter(name => name.startsWith(base) && !name.startsWith('fn#'))
  if (names.length === 0) return undefined
  const before = word.text.slice(0, word.text.length - base.length)
  return { start: word.start, text: before + common(names), options: names.sort() }
}

/**
 * Completes the word before the cursor in a process's name space: a command's name, a file's, or after `$` a variable's. As complete(2): as far as all
 * names agree, then `/` behind a directory and a space behind anything else that is the only one.
 */
export async function completer(sys: Sys, line: string, cursor: number): Promise<Completion | undefined> {
  const word = lastWord([...line].slice(0, cursor))
  const variable = word.quoted ? null : /\$[#"]?([^$/^(]*)$/.exec(word.text)
  if (variable) return variables(sys, word, variable[1]!)
  const slash = word.text.lastIndexOf('/') + 1
  const [dir, base] = [word.text.slice(0, slash), word.text.slice(slash)]
  const found = new Map<string, boolean>()
  if (word.command && slash === 0) {
    for (const name of [...builtins, ...keywords]) found.set(name, false)
    for (const d of await list(sys, '/bin')) found.set(d.name, (d.mode & DMDIR) !== 0)
  } else for (const d of await list(sys, dir === '' ? '.' : dir)) found.set(d.name, (d.mode & DMDIR) !== 0)
  const names = [...found.keys()].filter(name => name.startsWith(base)).sort()
  if (names.length === 0) return undefined
  const prefix = common(names)
  const whole = dir + prefix
  const needs = word.quoted || special.test(prefix)
  const only = names.length === 1
  let text = needs ? quote(whole) : whole
  // A word that goes on keeps its quote open.
  if (only) text += found.get(names[0]!) ? '/' : ' '
  else if (needs) text = text.slice(0, -1)
  return { start: word.start, text, options: names.map(name => (found.get(name) ? `${name}/` : name)) }
}
