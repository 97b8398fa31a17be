import { RegexpError, type Reprog, regcomp } from '../../../plan9/libc/regexp.ts'
import { Fatal, type Mk } from './state.ts'
import { charin, percent } from './word.ts'

/** The attributes of rules, by their letters in mkfiles; P's program is the rule's `prog`. */
export type Attribute = 'D' | 'E' | 'n' | 'N' | 'Q' | 'R' | 'U' | 'V'

/** A target and what it is made from. A rule of a mkfile is one of these for each of its targets. */
export interface Rule {
  target: string
  tail: string[]
  recipe: string
  attr: ReadonlySet<Attribute>
  meta: boolean
  /** The line after the rule's head. */
  line: number
  file: string
  alltargets: string[]
  number: number
  pat: Reprog | undefined
  prog: string | undefined
}

export type Body = Pick<Rule, 'recipe' | 'attr' | 'line' | 'prog'>

/** A rule without a recipe and prerequisites does nothing. */
export const effectless = (r: Rule): boolean => r.recipe === '' && (r.tail.length === 0 || r.tail[0] === '')

const same = (a: string[], b: string[]) => a.length === b.length && a.every((w, i) => w === b[i])

export class Rules {
  readonly plain: Rule[] = []
  readonly meta: Rule[] = []
  /** All the rules of a target's text: after the first, the latest one comes first. */
  readonly of = new Map<string, Rule[]>()
  /** Targets of the first rule that is no meta-rule. */
  first: string[] | undefined
  #n = 0

  get length(): number {
    return this.#n
  }

  /** A rule with a target and prerequisites like those of an earlier one takes its place. @throws Fatal */
  add(mk: Mk, head: string[], tail: string[], body: Body): void {
    const isre = body.attr.has('R')
    const pattern = (w: string) => charin(mk, w, '%&') >= 0
    if (!isre && !head.some(pattern)) this.first ??= head
    for (const target of head) {
      const chain = this.of.get(target)
      const meta = isre || pattern(target)
      const old = chain?.find(r => same(r.tail, tail))
      const r = { ...body, target, tail, meta, file: mk.file, alltargets: head, number: this.#n++ }
      if (old !== undefined) {
        Object.assign(old, r)
        continue
      }
      const rule: Rule = { ...r, pat: isre ? compile(mk, target, body.line) : undefined }
      if (chain === undefined) this.of.set(target, [rule])
      else chain.splice(1, 0, rule)
      if (meta) this.meta.push(rule)
      else this.plain.push(rule)
    }
  }
}

function compile(mk: Mk, target: string, line: number): Reprog {
  try {
    return regcomp(target)
  } catch (e) {
    if (!(e instanceof RegexpError)) throw e
    throw new Fatal(`mk: ${mk.file}:${line}: regular expression error; ${e.message}`)
  }
}

/** What % or & stands for in the template of a name; undefined when the name is none of it. & has no dot and no slash. */
export function match(name: string, template: string): string | undefined {
  const i = template.search(/[%&]/)
  if (i < 0) return undefined
  const after = template.slice(i + 1)
  if (name.length < i + after.length || !name.startsWith(template.slice(0, i)) || !name.endsWith(after))
    return undefined
  const stem = name.slice(i, name.length - after.length)
  return template[i] === '&' && /[./]/.test(stem) ? undefined : stem
}

export const subst = (stem: string, template: string): string =>
  [...template].map(c => (percent(c) ? stem : c)).join('')
