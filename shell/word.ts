import type { Rc } from './eval.ts'
import { globword } from './glob.ts'
import { globs, type Word } from './tree.ts'
import type { Value } from './var.ts'

/** What may have to wait for a command, and mostly need not. */
export type Maybe<T> = T | Promise<T>

export function after<T, U>(v: Maybe<T>, f: (v: T) => Maybe<U>): Maybe<U> {
  return v instanceof Promise ? v.then(f) : f(v)
}

/** The arguments that words make, file names matched. They are evaluated from the last to the first, as rc does. */
export function args(rc: Rc, list: readonly Word[]): Maybe<string[]> {
  return each(list, w => arg(rc, w))
}

/** One word's arguments, file names matched. */
export function arg(rc: Rc, w: Word): Maybe<Value> {
  if (!globs(w)) return value(rc, w, false)
  return after(value(rc, w, true), async patterns => {
    const names: string[] = []
    for (const p of patterns) names.push(...(await globword(rc.sys, p)))
    return names
  })
}

/** The patterns that the words of `~` and `case` are: matched against no file names. */
export function patterns(rc: Rc, list: readonly Word[]): Maybe<string[]> {
  return each(list, w => value(rc, w, true))
}

/** Plain strings: names of functions, subscripts. */
export function strings(rc: Rc, list: readonly Word[]): Maybe<string[]> {
  return each(list, w => value(rc, w, false))
}

/** A word's value; unquoted metacharacters in it have GLOB marks when `pattern`. */
export function value(rc: Rc, w: Word, pattern: boolean): Maybe<Value> {
  rc.line = w.line
  switch (w.type) {
    case 'word':
      return [pattern && w.pattern !== undefined ? w.pattern : w.text]
    case '$':
      return after(value(rc, w.name, false), name => lookup(rc, one(rc, name, '$ variable name not singleton!')))
    case '$#':
      return after(value(rc, w.name, false), name => {
        return [String(lookup(rc, one(rc, name, '$# variable name not singleton!')).length)]
      })
    case '$"':
      return after(value(rc, w.name, false), name => {
        return [lookup(rc, one(rc, name, '$ variable name not singleton!')).join(' ')]
      })
    case 'sub':
      return after(value(rc, w.name, false), name =>
        after(strings(rc, w.subs), subs => {
          return subscript(rc.vars.get(one(rc, name, '$() variable name not singleton!')), subs)
        }),
      )
    case '^':
      return after(value(rc, w.right, pattern), right =>
        after(value(rc, w.left, pattern), left => concatenate(rc, left, right)),
      )
    case 'list':
      return each(w.words, e => value(rc, e, pattern))
    case '`':
      if (w.split === undefined) return rc.backquote(rc.vars.get('ifs').join(' '), w.body)
      return after(value(rc, w.split, false), split => rc.backquote(split.join(' '), w.body))
    case 'pipefile':
      return rc.pipefile(w.mode, w.body)
  }
}

function each(list: readonly Word[], f: (w: Word) => Maybe<Value>): Maybe<string[]> {
  const values: Value[] = new Array(list.length)
  for (let i = list.length - 1; i >= 0; i--) {
    const v = f(list[i]!)
    if (v instanceof Promise) return rest(list, f, values, v, i)
    values[i] = v
  }
  return joined(values)
}

async function rest(
  list: readonly Word[],
  f: (w: Word) => Maybe<Value>,
  values: Value[],
  first: Promise<Value>,
  at: number,
): Promise<string[]> {
  values[at] = await first
  for (let i = at - 1; i >= 0; i--) values[i] = await f(list[i]!)
  return joined(values)
}

/** A list of its own. (Array.flat is several times slower.) */
function joined(values: readonly Value[]): string[] {
  const out: string[] = []
  for (const v of values) for (const s of v) out.push(s)
  return out
}

/** The one string of a list. */
export function one(rc: Rc, list: Value, complaint: string): string {
  if (list.length !== 1) rc.error(complaint)
  return list[0]!
}

/** `$name`, and `$3` which is an element of `$*`. */
function lookup(rc: Rc, name: string): Value {
  const c = name.charCodeAt(0)
  if (c >= 48 && c <= 57 && /^0*[1-9][0-9]*$/.test(name)) {
    const v = rc.vars.get('*')[Number(name) - 1]
    return v === undefined ? [] : [v]
  }
  return rc.vars.get(name)
}

/** The elements that subscripts `n`, `n-m` and `n-` choose; those out of range choose none. */
function subscript(list: Value, subs: readonly string[]): string[] {
  const out: string[] = []
  for (const s of subs) {
    const m = /^([0-9]*)(-?)([0-9]*)/.exec(s)!
    const from = Number(m[1])
    let to = from
    if (m[2] === '-') to = s.length === m[1]!.length + 1 ? list.length : Number(m[3])
    if (from >= 1 && from <= list.length && to >= from) out.push(...list.slice(from - 1, to))
  }
  return out
}

function concatenate(rc: Rc, left: Value, right: Value): Value {
  if (left.length === 1 && right.length === 1) return [left[0]! + right[0]!]
  if (left.length === 0 && right.length === 0) return left
  if (left.length === 0 || right.length === 0) rc.error('null list in concatenation')
  if (left.length !== 1 && right.length !== 1 && left.length !== right.length) {
    rc.error('mismatched list lengths in concatenation')
  }
  if (left.length === 1) return right.map(s => left[0] + s)
  return left.map((s, i) => s + (right.length === 1 ? right[0] : right[i]))
}
