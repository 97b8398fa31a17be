import { DMDIR, OREAD } from '../plan9/9p/const.ts'
import { PlanError } from '../plan9/error.ts'
import type { Sys } from '../plan9/kernel/sys.ts'
import { dirreadall, dirstat } from '../plan9/libc/dirread.ts'
import { GLOB } from './tree.ts'

/** A pattern made plain: its GLOB marks taken out. */
export function deglob(s: string): string {
  return s.includes(GLOB) ? s.replace(/\x01(.)/gs, '$1') : s
}

/**
 * True when the whole of `s` matches `pattern`, whose metacharacters have GLOB marks. The time is of the order of the
 * product of their lengths.
 */
export function match(s: string, pattern: string): boolean {
  let i = 0
  let p = 0
  let star = -1
  let from = 0
  for (;;) {
    if (p < pattern.length && pattern[p] === GLOB && pattern[p + 1] === '*') {
      star = p += 2
      from = i
      continue
    }
    if (p === pattern.length && i === s.length) return true
    const next = p < pattern.length && i < s.length ? matchone(s, i, pattern, p) : -1
    if (next >= 0) {
      i += width(s, i)
      p = next
      continue
    }
    if (star < 0 || from >= s.length) return false
    from += width(s, from)
    i = from
    p = star
  }
}

function width(s: string, i: number): number {
  return s.codePointAt(i)! > 0xffff ? 2 : 1
}

/** Where the pattern goes on after it has matched the character at `s[i]`, or -1. */
function matchone(s: string, i: number, pattern: string, start: number): number {
  const c = s.codePointAt(i)!
  let p = start
  if (pattern[p] !== GLOB) return pattern.codePointAt(p) === c ? p + width(pattern, p) : -1
  p++
  switch (pattern[p]) {
    case GLOB:
      return c === 1 ? p + 1 : -1
    case '?':
      return p + 1
    case '[':
      break
    default:
      return -1
  }
  p++
  const not = pattern[p] === '~'
  if (not) p++
  let hit = false
  while (pattern[p] !== ']') {
    if (p >= pattern.length) return -1
    let lo = pattern.codePointAt(p)!
    let hi = lo
    p += width(pattern, p)
    if (pattern[p] === '-') {
      p++
      if (p >= pattern.length) return -1
      hi = pattern.codePointAt(p)!
      p += width(pattern, p)
      if (hi < lo) [lo, hi] = [hi, lo]
    }
    if (lo <= c && c <= hi) hit = true
  }
  return hit !== not ? p + 1 : -1
}

/** strcmp's order of UTF-8, which is that of code points. */
export function compare(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return surrogate(x) !== surrogate(y) ? (surrogate(x) ? 1 : -1) : x - y
  }
  return a.length - b.length
}

function surrogate(c: number): boolean {
  return c >= 0xd800 && c < 0xe000
}

/** A directory's name and a file's in it put together, as rc does for $path. */
export function makepath(dir: string, file: string): string {
  return dir === '' ? file : `${dir.replace(/\/+$/, '')}/${file.replace(/^\/+/, '')}`
}

/** The names that a pattern matches, sorted; the pattern itself, made plain, when there are none. */
export async function globword(sys: Sys, pattern: string): Promise<string[]> {
  if (!pattern.includes(GLOB)) return [pattern]
  const names: string[] = []
  await globdir(sys, pattern, '', names)
  return names.length === 0 ? [deglob(pattern)] : names.sort(compare)
}

async function globdir(sys: Sys, rest: string, dir: string, names: string[]): Promise<void> {
  let pattern = rest
  let name = dir
  while (pattern[0] === '/') {
    name = makepath(name, '/')
    pattern = pattern.slice(1)
  }
  if (pattern === '') {
    names.push(name)
    return
  }
  const glob = pattern.indexOf(GLOB)
  if (glob < 0) {
    name = makepath(name, pattern)
    if ((await dirstat(sys, name)) !== undefined) names.push(name)
    return
  }
  const before = pattern.lastIndexOf('/', glob)
  if (before >= 0) {
    name = makepath(name, pattern.slice(0, before))
    pattern = pattern.slice(before + 1)
  }
  const slash = pattern.indexOf('/')
  const component = slash < 0 ? pattern : pattern.slice(0, slash)
  for (const entry of await entries(sys, name === '' ? '.' : name, slash >= 0)) {
    if ((entry === '.' || entry === '..') && component[0] !== '.') continue
    if (match(entry, component)) {
      await globdir(sys, slash < 0 ? '' : pattern.slice(slash), makepath(name, entry), names)
    }
  }
}

async function entries(sys: Sys, dir: string, onlydirs: boolean): Promise<string[]> {
  let fd = -1
  try {
    fd = await sys.open(dir, OREAD)
    const all = await dirreadall(sys, fd)
    return (onlydirs ? all.filter(d => (d.mode & DMDIR) !== 0) : all).map(d => d.name)
  } catch (e) {
    if (e instanceof PlanError) return []
    throw e
  } finally {
    if (fd >= 0) await sys.close(fd)
  }
}
