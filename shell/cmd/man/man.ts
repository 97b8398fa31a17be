import { EM, expand, type Names, number, width } from './escape.ts'
import { Fill } from './fill.ts'
import { table } from './table.ts'

/** Columns: where headings, and text, begin, and where lines end. */
export interface Page {
  offset: number
  indent: number
  end: number
}

/** A page of the manual on a terminal of so many columns. */
export function pageof(columns: number): Page {
  if (columns >= 76) return { offset: 5, indent: 10, end: 75 }
  const end = Math.max(columns - 1, 24)
  return { offset: 0, indent: end < 50 ? 3 : 5, end }
}

const fonts = new Set([
  'B',
  'I',
  'R',
  'L',
  'SM',
  'CW',
  'BI',
  'BR',
  'BL',
  'IB',
  'IR',
  'IL',
  'RB',
  'RI',
  'RL',
  'LB',
  'LI',
  'LR',
  'SB',
  'MR',
])
/** Of those, the ones that put their arguments apart. */
const spaced = new Set(['B', 'I', 'R', 'L', 'SM', 'CW', 'SB'])

/** Arguments of a control line: blanks part them, double quotes hold them together. */
export function macroargs(s: string): string[] {
  const args: string[] = []
  let i = 0
  for (;;) {
    while (s[i] === ' ' || s[i] === '\t') i++
    if (i >= s.length || s.startsWith('\\"', i)) return args
    let arg = ''
    if (s[i] === '"') {
      for (i++; i < s.length; i++) {
        if (s[i] !== '"') arg += s[i]
        else if (s[i + 1] === '"') arg += s[i++]
        else break
      }
      i++
    } else
      for (; i < s.length && s[i] !== ' ' && s[i] !== '\t'; i++) {
        // An escaped blank is part of the word.
        if (s[i] === '\\' && i + 1 < s.length) {
          if (s[i + 1] === '"') return [...args, arg]
          arg += s[i++]
        }
        arg += s[i]
      }
    args.push(arg)
  }
}

const predefined: Record<string, string> = { R: '®', S: '', Tm: '™', lq: '“', rq: '”', '9': 'Plan 9', ',': '' }

/** Formats one page: the macros of man(6) and what they need of troff, as text. */
class Man implements Names {
  readonly fill: Fill
  readonly page: Page
  args: string[] = []
  readonly #strings = new Map(Object.entries(predefined))
  readonly #registers = new Map<string, number>()
  readonly #macros = new Map<string, string[]>()
  /** What .tr has printed for a character. */
  readonly #printed = new Map<string, string>()
  /** Lines still to be read, the next one last. */
  #input: string[] = []
  /** Left margin of paragraphs, moved by .RS, and how far text hangs in from it. */
  #margin: number
  #hang = 5
  readonly #outer: { margin: number; hang: number }[] = []
  #pd = 1
  #tagPending = false
  /** The else of a conditional: whether it is to be taken. */
  #else = false
  #depth = 0

  constructor(page: Page) {
    this.page = page
    this.fill = new Fill(page.end)
    this.#margin = page.indent
    this.fill.indent = page.indent
  }

  string(name: string): string {
    return this.#strings.get(name) ?? ''
  }

  register(name: string): number {
    if (name === '.l') return (this.page.end - this.page.indent) * EM
    if (name === '.i') return this.fill.indent * EM
    return this.#registers.get(name) ?? 0
  }

  #expand(s: string): string {
    return expand(s, this).text
  }

  /** A length in cells. */
  #cells(s: string | undefined, otherwise: number): number {
    if (s === undefined) return otherwise
    const n = Math.round(number(this.#expand(s), EM) / EM)
    return Math.min(Math.max(n, -100), 200)
  }

  run(source: string): string {
    this.#input = source.split('\n').reverse()
    if (this.#input[0] === '') this.#input.shift()
    for (;;) {
      const line = this.#input.pop()
      if (line === undefined) break
      this.#line(line)
    }
    this.fill.break()
    const { lines } = this.fill
    while (lines[lines.length - 1] === '') lines.pop()
    return lines.map(l => `${l}\n`).join('')
  }

  #line(line: string): void {
    const m = /^[.'][ \t]*([^ \t]{0,2})(.*)$/.exec(line)
    if (m === null) this.#text(line)
    else this.#control(m[1]!, m[2]!)
  }

  #text(line: string): void {
    const { text, cont } = expand(line, this)
    this.#put(text, cont)
  }

  /** Text with .tr's exchanges done. */
  #shown(text: string): string {
    if (this.#printed.size === 0) return text
    return [...text].map(c => this.#printed.get(c) ?? c).join('')
  }

  /** Puts backslashes for another escape character in the lines up to the next change of it. */
  #escaped(c: string): void {
    if (c === '\\') return
    for (let i = this.#input.length - 1; i >= 0 && !/^[.'][ \t]*e[co]/.test(this.#input[i]!); i--)
      this.#input[i] = [...this.#input[i]!].map(d => (d === c ? '\\' : d === '\\' ? '\\e' : d)).join('')
  }

  #put(source: string, cont = false): void {
    const text = this.#shown(source)
    if (this.#tagPending) {
      this.#tagPending = false
      this.fill.tag(text.trim(), this.#margin)
      return
    }
    if (text.trim() === '' && !text.includes('\u00a0')) {
      if (!cont && !(this.fill.filling && text === '' && this.fill.lines.length === 0)) this.fill.space(1)
      return
    }
    this.fill.text(text, cont)
  }

  /** Takes lines up to the one that begins with `.end`. */
  #upto(end: string): string[] {
    const body: string[] = []
    for (;;) {
      const l = this.#input.pop()
      if (l === undefined || l.replace(/\s+$/, '') === end || l.startsWith(`${end} `)) return body
      body.push(l)
    }
  }

  #paragraph(): void {
    this.fill.space(this.#pd)
    this.fill.indent = this.#margin
    this.fill.tempIndent = undefined
    this.#tagPending = false
  }

  #heading(args: string[], column: number): void {
    this.fill.space(1)
    this.#outer.length = 0
    this.#margin = this.page.indent
    this.#hang = 5
    this.#pd = 1
    this.fill.filling = true
    this.#tagPending = false
    this.fill.tempIndent = column
    this.fill.indent = this.#margin
    if (args.length > 0) {
      this.fill.text(args.map(a => this.#shown(this.#expand(a))).join('\u00a0'), false)
      this.fill.break()
      this.fill.nospace = true
    }
  }

  #condition(cond: string): { holds: boolean; rest: string } {
    let s = cond.trimStart()
    let not = false
    while (s[0] === '!') {
      not = !not
      s = s.slice(1)
    }
    let holds = false
    if (/^[nto e]/.test(s) && /^[ntoe]([^a-z]|$)/.test(s)) {
      holds = s[0] === 'n' || s[0] === 'o'
      s = s.slice(1)
    } else if (/^['"]/.test(s)) {
      const q = s[0]!
      const parts = s.split(q)
      holds = this.#expand(parts[1] ?? '') === this.#expand(parts[2] ?? '')
      s = parts.slice(3).join(q)
    } else {
      const e = this.#expand(s)
      const m = /^[-+*/%().\d<>=&:a-z]+/.exec(e)
      holds = m !== null && number(m[0], 1) > 0
      s = m ? e.slice(m[0].length) : ''
    }
    return { holds: holds !== not, rest: s.trimStart() }
  }

  /** What a conditional governs: the rest of the line, or lines between \{ and \}. */
  #governed(rest: string, holds: boolean): void {
    if (!rest.startsWith('\\{')) {
      if (holds && rest !== '') this.#line(rest)
      return
    }
    const body: string[] = []
    let depth = 0
    let line: string | undefined = rest
    for (; line !== undefined; line = this.#input.pop()) {
      depth += (line.match(/\\\{/g) ?? []).length - (line.match(/\\\}/g) ?? []).length
      const clean = line.replace(/\\[{}]/g, '').replace(/^\\$/, '')
      if (clean !== '') body.push(clean)
      if (depth <= 0) break
    }
    if (holds) this.#input.push(...body.reverse())
  }

  #control(name: string, rest: string): void {
    if (name === '' || name.startsWith('\\"')) return
    const macro = this.#macros.get(name)
    if (macro !== undefined) {
      if (this.#depth > 50) return
      this.#depth++
      const save = this.args
      this.args = macroargs(rest)
      // Arguments are put in here, so that the lines can wait their turn among the others.
      const body = macro.map(l =>
        l.replace(/\\+\$(\d)/g, (_, n: string) => this.args[Number(n) - 1] ?? '').replaceAll('\\\\', '\\'),
      )
      this.args = save
      const left = this.#input
      this.#input = body.reverse()
      for (let l = this.#input.pop(); l !== undefined; l = this.#input.pop()) this.#line(l)
      this.#input = left
      this.#depth--
      return
    }
    const { fill } = this
    if (fonts.has(name)) {
      const args = macroargs(rest)
      // Without arguments it says how the next line looks, which text has no use for.
      if (args.length === 0) return
      const parts = args.map(a => expand(a, this))
      this.#put(
        parts.map(p => p.text).join(spaced.has(name) ? ' ' : ''),
        parts.some(p => p.cont),
      )
      return
    }
    const args = macroargs(rest)
    switch (name) {
      case 'TH': {
        const title = `${this.#expand(args[0] ?? '')}(${this.#expand(args[1] ?? '')})`
        const { offset, end } = this.page
        const gap = Math.max(end - offset - 2 * width(title), 1)
        fill.lines.push(`${' '.repeat(offset)}${title}${' '.repeat(gap)}${title}`, '')
        return
      }
      case 'SH':
        this.#heading(args, this.page.offset)
        return
      case 'SS':
        this.#heading(args, Math.max(this.page.indent - 2, this.page.offset))
        return
      case 'PP':
      case 'LP':
      case 'P':
      case 'HP':
        this.#paragraph()
        if (name === 'HP') {
          fill.tempIndent = this.#margin
          fill.indent = this.#margin + this.#cells(args[0], 5)
        }
        return
      case 'IP':
        this.#paragraph()
        if (args[1] !== undefined) this.#hang = this.#cells(args[1], 5)
        fill.indent = this.#margin + this.#hang
        if (args[0] !== undefined && args[0] !== '') fill.tag(this.#shown(this.#expand(args[0])), this.#margin)
        return
      case 'TP':
        this.#paragraph()
        if (args[0] !== undefined) this.#hang = this.#cells(args[0], 5)
        fill.indent = this.#margin + Math.max(this.#hang, 0)
        this.#tagPending = true
        return
      case 'TF':
        this.#hang = args[0] === undefined ? 5 : width(this.#expand(args[0])) + 2
        this.#pd = 0
        fill.break()
        return
      case 'PD':
        this.#pd = args[0] === undefined ? 1 : number(args[0], 1) > 0 ? 1 : 0
        return
      case 'RS':
        fill.break()
        this.#outer.push({ margin: this.#margin, hang: this.#hang })
        this.#margin =
          args[0] === undefined ? Math.max(fill.indent, this.#margin + 5) : this.#margin + this.#cells(args[0], 5)
        this.#hang = 5
        fill.indent = this.#margin
        return
      case 'RE': {
        fill.break()
        const o = this.#outer.pop()
        this.#margin = o?.margin ?? this.page.indent
        this.#hang = o?.hang ?? 5
        fill.indent = this.#margin
        return
      }
      case 'EX':
      case 'nf':
        fill.break()
        fill.filling = false
        return
      case 'EE':
      case 'fi':
        fill.break()
        fill.filling = true
        return
      case 'br':
        fill.break()
        return
      case 'sp':
        fill.space(args[0] === undefined ? 1 : number(this.#expand(args[0].replace('|', '')), 40) / 40)
        return
      case 'ce':
        fill.break()
        fill.centre = args[0] === undefined ? 1 : Math.max(0, Math.floor(number(args[0], 1)))
        return
      case 'in': {
        fill.break()
        const n = this.#cells(args[0], 0)
        fill.indent =
          args[0] === undefined
            ? this.#margin
            : /^[-+]/.test(args[0])
              ? Math.max(fill.indent + n, 0)
              : this.page.indent + n
        return
      }
      case 'ti': {
        fill.break()
        const n = this.#cells(args[0], 0)
        fill.tempIndent = Math.max(/^[-+]/.test(args[0] ?? '') ? fill.indent + n : this.page.indent + n, 0)
        return
      }
      case 'ta': {
        fill.tabs = []
        for (const a of this.#expand(rest).split(/[ \t]+/)) {
          const n = Math.round(number(a.replace(/[LRCT]$/, ''), EM) / EM)
          if (n > 0) fill.tabs.push(a.startsWith('+') ? (fill.tabs[fill.tabs.length - 1] ?? 0) + n : n)
        }
        return
      }
      case 'ec':
        this.#escaped(args[0]?.[0] ?? '\\')
        return
      case 'eo':
        this.#escaped('')
        return
      case 'tr': {
        const pairs = [...this.#expand(rest.trimStart())]
        for (let i = 0; i < pairs.length; i += 2) this.#printed.set(pairs[i]!, pairs[i + 1] ?? ' ')
        return
      }
      case 'DT':
        fill.tabs = []
        return
      case 'ds':
      case 'as': {
        const m = /^[ \t]*([^ \t]+)[ \t]?"?(.*)$/.exec(rest)
        if (m) this.#strings.set(m[1]!, (name === 'as' ? this.string(m[1]!) : '') + m[2]!)
        return
      }
      case 'nr': {
        const value = this.#expand(args[1] ?? '0')
        const n = Math.round(number(value, 1))
        this.#registers.set(args[0] ?? '', /^[-+]/.test(value) ? this.register(args[0] ?? '') + n : n)
        return
      }
      case 'de':
        this.#macros.set((args[0] ?? '').slice(0, 2), this.#upto(args[1] === undefined ? '..' : `.${args[1]}`))
        return
      case 'rm':
        for (const a of args.map(a => a.slice(0, 2))) {
          this.#macros.delete(a)
          this.#strings.delete(a)
        }
        return
      case 'ig':
        this.#upto(args[0] === undefined ? '..' : `.${args[0]}`)
        return
      case 'if':
      case 'ie': {
        const { holds, rest: body } = this.#condition(rest)
        if (name === 'ie') this.#else = !holds
        this.#governed(body, holds)
        return
      }
      case 'el':
        this.#governed(rest.trimStart(), this.#else)
        return
      case 'TS': {
        fill.break()
        for (const l of table(this.#upto('.TE'), s => this.#shown(this.#expand(s)), fill.ll - fill.indent))
          fill.lines.push(l === '' ? '' : ' '.repeat(fill.indent) + l)
        return
      }
      case 'EQ': {
        const eqn = this.#upto('.EN').filter(l => !/^(delim|define)\b/.test(l))
        if (eqn.length > 0) {
          fill.break()
          for (const l of eqn) {
            fill.text(this.#expand(l).trim(), false)
            fill.break()
          }
        }
        return
      }
      case 'PS':
      case 'G1':
        this.#upto(name === 'PS' ? '.PE' : '.G2')
        return
      default:
      // Fonts, sizes, page breaks and the rest of troff have no meaning here.
    }
  }
}

/** A page's source as text for a terminal. */
export function format(source: string, page: Page): string {
  return new Man(page).run(source)
}
