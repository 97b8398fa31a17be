import { tokenize } from '../plan9/libc/quote.ts'

/** What is bound and mounted where, out of the lines of /proc/n/ns (proc(3)). */

/** One thing that is seen at a place. */
export interface Member {
  kind: 'bind' | 'mount'
  /** What is there: a name, a device, or the server that a mount speaks to. */
  from: string
  /** Files may be created in it. */
  create: boolean
  /** What the server was asked for. */
  spec: string
}

export interface Place {
  path: string
  /** In the order in which names are looked for. */
  union: Member[]
}

export interface Namespace {
  /** By path. */
  places: Place[]
  dot: string
}

/** Lines that say nothing known are left out. */
export function nstree(text: string): Namespace {
  const places = new Map<string, Place>()
  /** Of each place, members that were put before the others. */
  const before = new Map<string, number>()
  let dot = ''
  for (const line of text.split('\n')) {
    const f = tokenize(line)
    const kind = f.shift()
    if (kind === 'cd') dot = f[0] ?? ''
    if (kind !== 'bind' && kind !== 'mount') continue
    const flags = f.length > 2 && f[0]!.startsWith('-') ? f.shift()! : ''
    const [from, path, spec] = f
    if (from === undefined || path === undefined) continue
    const member: Member = { kind, from, create: flags.includes('c'), spec: spec ?? '' }
    const place = places.get(path) ?? { path, union: [] }
    // What was there before a union was made is told behind what made it.
    if (from === path && place.union.length > 0) place.union.splice(before.get(path) ?? 0, 0, member)
    else if (flags.includes('b')) {
      place.union.unshift(member)
      before.set(path, (before.get(path) ?? 0) + 1)
    } else if (flags.includes('a')) place.union.push(member)
    else {
      place.union = [member]
      before.delete(path)
    }
    places.set(path, place)
  }
  return { places: [...places.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)), dot }
}

/** A member as ns prints it, without where it is. */
export const memberfmt = (m: Member): string =>
  `${m.from}${m.spec === '' ? '' : ` ${m.spec}`}${m.create ? ' (create)' : ''}`

/** Pages of the manual on the kernel's devices, by their letters. */
const devices: Record<string, [string, string]> = {
  c: ['3 cons', 'the console and what the kernel tells'],
  d: ['2 dup', 'the open files of a process'],
  e: ['3 env', 'the variables'],
  p: ['3 proc', 'the processes'],
  s: ['4 srv', 'what servers have posted'],
  T: ['3 tap', 'the 9P messages'],
  '/': ['4 root', 'the root that all begins with'],
  '|': ['3 pipe', 'pipes'],
  M: ['3 mnt', 'mounted servers'],
}

/** Whose files a member is, in words; and the page of the manual that tells more, where there is one here. */
export function owner(m: Member, pages: ReadonlySet<string>): { says: string; page?: string } {
  const [, letter, rest] = /^#(.)(.*)$/.exec(m.from) ?? []
  if (m.kind === 'mount') {
    const name = letter === 's' ? rest!.replace(/^[^/]*\//, '') : m.from.replace(/^\/srv\//, '')
    const page = [`4 ${name}`, `4 ${name}fs`].find(p => pages.has(p))
    return {
      says: `a mount of the server ${m.from}${name === m.from ? '' : `, posted as ${name}`}`,
      ...(page && { page }),
    }
  }
  if (letter === undefined) return { says: `the directory ${m.from} of this name space, bound here` }
  const [page, what] = devices[letter] ?? ['', '']
  return { says: `the kernel’s device #${letter}${what && `: ${what}`}`, ...(pages.has(page) && { page }) }
}
