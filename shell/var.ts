import { OREAD, OWRITE } from '../plan9/9p/const.ts'
import { PlanError } from '../plan9/error.ts'
import type { Sys } from '../plan9/kernel/sys.ts'
import { dirreadall } from '../plan9/libc/dirread.ts'
import { quote } from './lex.ts'
import { print } from './print.ts'
import type { Group } from './tree.ts'

/** A list of strings: what every variable has for a value. It is never changed in place. */
export type Value = readonly string[]

export interface Func {
  body: Group
  /** Where it was defined, for errors. */
  file: string
  /** It was defined under `-e`. */
  eflag: boolean
}

interface Var {
  value: Value
  /** What this one, a local variable, hides. */
  outer: Var | undefined
}

const nothing: Value = []

/** Bytes of one write to /env. */
const ENVWRITE = 32768

/** The text that defines a function: what `whatis` prints and `/env/fn#name` holds. */
export function fntext(name: string, fn: Func): string {
  return `fn ${quote(name)} ${print(fn.body)}\n`
}

/** The variables and functions of one rc process, with note of what `/env` has not been told of. */
export class Vars {
  private readonly vars = new Map<string, Var>()
  private readonly changed = new Set<string>()
  private readonly fns = new Map<string, Func>()
  private readonly fnchanged = new Set<string>()
  /** What /env/status says, as far as we wrote it: most commands leave it as it is. */
  private envstatus: string | undefined

  get(name: string): Value {
    return this.vars.get(name)?.value ?? nothing
  }

  set(name: string, value: Value): void {
    const v = this.vars.get(name)
    if (v) v.value = value
    else this.vars.set(name, { value, outer: undefined })
    this.changed.add(name)
  }

  /** Hides a variable behind a new one of the same name until `unlocal`. */
  local(name: string, value: Value): void {
    this.vars.set(name, { value, outer: this.vars.get(name) })
    this.changed.add(name)
  }

  unlocal(name: string): void {
    const outer = this.vars.get(name)?.outer
    if (outer) this.vars.set(name, outer)
    else this.vars.delete(name)
    this.changed.add(name)
  }

  fn(name: string): Func | undefined {
    return this.fns.get(name)
  }

  setfn(name: string, fn: Func | undefined): void {
    if (fn) this.fns.set(name, fn)
    else this.fns.delete(name)
    this.fnchanged.add(name)
  }

  /** For a child process, which sees what is visible now and does not come back out of it. */
  copy(): Vars {
    const c = new Vars()
    for (const [name, v] of this.vars) c.vars.set(name, { value: v.value, outer: undefined })
    for (const [name, fn] of this.fns) c.fns.set(name, fn)
    c.envstatus = this.envstatus
    return c
  }

  /** Reads the variables in /env. @throws PlanError when there is none */
  async init(sys: Sys): Promise<void> {
    const fd = await sys.open('/env', OREAD)
    const dirs = await dirreadall(sys, fd)
    await sys.close(fd)
    for (const d of dirs) {
      if (d.length === 0n || d.name.startsWith('fn#')) continue
      const text = await readenv(sys, d.name)
      if (text !== undefined) this.set(d.name, words(text, ''))
    }
    this.changed.clear()
  }

  /** True when `update` has something to do. */
  get stale(): boolean {
    return this.changed.size > 0 || this.fnchanged.size > 0
  }

  /** Writes what has changed to /env. The result is what there is to say of failures. */
  async update(sys: Sys): Promise<string> {
    let err = ''
    const put = async (name: string, text: string) => {
      let fd: number
      try {
        fd = await sys.create(`/env/${name}`, OWRITE, 0o666)
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
        err += `rc: can't open: ${e.message}\n`
        return
      }
      try {
        // Of more than /env holds the beginning goes there, and rc has it all, as 9front's.
        const b = new TextEncoder().encode(text)
        for (let i = 0; i < b.length; i += ENVWRITE) await sys.write(fd, b.subarray(i, i + ENVWRITE))
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
      } finally {
        await sys.close(fd)
      }
    }
    const changed = [...this.changed]
    this.changed.clear()
    for (const name of changed) {
      const text = this.get(name)
        .map(w => `${w}\0`)
        .join('')
      if (name === 'status') {
        if (text === this.envstatus) continue
        this.envstatus = text
      }
      await put(name, text)
    }
    const fns = [...this.fnchanged]
    this.fnchanged.clear()
    for (const name of fns) {
      const fn = this.fns.get(name)
      await put(`fn#${name}`, fn ? fntext(name, fn) : '')
    }
    return err
  }
}

async function readenv(sys: Sys, name: string): Promise<string | undefined> {
  let fd = -1
  try {
    fd = await sys.open(`/env/${name}`, OREAD)
    let text = ''
    const utf = new TextDecoder('utf-8', { ignoreBOM: true })
    for (;;) {
      const b = await sys.read(fd, 32768)
      text += utf.decode(b, { stream: b.length > 0 })
      if (b.length === 0) break
    }
    return text
  } catch (e) {
    if (e instanceof PlanError) return undefined
    throw e
  } finally {
    if (fd >= 0) await sys.close(fd)
  }
}

/**
 * The words of a text that are separated by any of the characters of `stop`. A NUL ends a word too, even one that has no
 * characters.
 */
export function words(text: string, stop: string): string[] {
  const list: string[] = []
  const stops = new Set(stop)
  const chars = stop === '' ? undefined : stops
  let i = 0
  while (i < text.length) {
    while (i < text.length && chars?.has(text[i]!)) i++
    if (i === text.length) break
    let end = i
    if (chars) while (end < text.length && text[end] !== '\0' && !chars.has(text[end]!)) end++
    else {
      end = text.indexOf('\0', i)
      if (end < 0) end = text.length
    }
    list.push(text.slice(i, end))
    i = end + 1
  }
  return list
}
