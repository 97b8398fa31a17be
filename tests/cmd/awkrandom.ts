import type { Random } from '../random.ts'

/** Random programs for awk that end. They say and do what programs do; what of it is wrong, both awks are to find wrong. */
export class Programs {
  readonly #r: Random
  #depth = 0
  #loops = 0
  #infunc = false
  /** Variables that a loop around counts with: nobody else may change them. */
  #counters: string[] = []

  constructor(r: Random) {
    this.#r = r
  }

  #chance(n: number): boolean {
    return this.#r.int(n) === 0
  }

  #scalar(): string {
    return this.#r.pick(this.#infunc ? ['x', 'y', 'p', 'q', 'l'] : ['x', 'y', 'z', 's', 'n'])
  }

  #array(): string {
    return this.#r.pick(this.#infunc ? ['A', 'B', 'M'] : ['A', 'B', 'C'])
  }

  #constant(): string {
    return this.#r.pick([
      '0',
      '1',
      '2',
      '3',
      '7',
      '10',
      '1.5',
      '-1',
      '100',
      '"a"',
      '"10"',
      '""',
      '"b c"',
      '"3x"',
      '" 2 "',
      '"0"',
      '$0',
      'NF',
      'NR',
    ])
  }

  #regexp(): string {
    const r = this.#r
    const atom = () =>
      r.pick(['a', 'b', 'e', '1', '.', '[a-e]', '[^a-m]', '(a|b)', '(ab|a|e)', ' ', '[0-9]', '\\.', '[ \\t]'])
    let s = ''
    for (let n = r.int(3); n >= 0; n--) s += atom() + r.pick(['', '', '', '*', '+', '?'])
    if (this.#chance(5)) s = `${s}|${atom()}`
    if (this.#chance(5)) s = `^${s}`
    if (this.#chance(6)) s = `${s}$`
    return `/${s}/`
  }

  #lvalue(): string {
    const r = this.#r
    const n = r.int(10)
    if (n < 5) return this.#scalar()
    if (n < 7) return `${this.#array()}[${this.#expr()}]`
    if (n < 9) return `$${r.pick(['1', '2', '3', 'NF', '(NF + 1)', '4'])}`
    return r.pick(['$n', this.#scalar()])
  }

  #call(): string {
    const r = this.#r
    const e = () => this.#expr()
    switch (r.int(13)) {
      case 0:
        return `length(${e()})`
      case 1:
        return `substr(${e()}, ${e()})`
      case 2:
        return `substr(${e()}, ${e()}, ${e()})`
      case 3:
        return `index(${e()}, ${e()})`
      case 4:
        // What is split is not of the array that the pieces go to.
        return `split(${e()}, S)`
      case 5:
        return `split(${e()}, S, ${r.pick(['" "', '"a"', '","', this.#regexp(), '""'])})`
      case 6:
        return `${r.pick(['sub', 'gsub'])}(${this.#regexp()}, ${r.pick(['"<&>"', '"x"', '""', '"\\\\&"', e()])}${this.#chance(3) ? '' : `, ${this.#lvalue()}`})`
      case 7:
        return `match(${e()}, ${this.#regexp()})`
      case 8:
        return `sprintf(${r.pick(['"%s-%s"', '"%d,%5d"', '"%-4s|%3s"', '"%x %o"', '"%.2s%i"'])}, ${e()}, ${e()})`
      case 9:
        return `${r.pick(['toupper', 'tolower'])}(${e()})`
      case 10:
        return `int(${e()})`
      case 11:
        return `f(${e()}, ${e()})`
      default:
        return `g(${this.#array()}, ${e()})`
    }
  }

  /** An expression. Mostly its parts are in parentheses; where they are not, it is read as the grammar has it. */
  #expr(): string {
    const s = this.#bare()
    return this.#chance(12) || /^(\w+|"[^"]*"|[$]?\w+|\w+\(.*\)|\(.*\)|\/.*\/)$/.test(s) ? s : `(${s})`
  }

  #bare(): string {
    const r = this.#r
    if (this.#depth > 3) return this.#chance(2) ? this.#constant() : this.#scalar()
    this.#depth++
    const e = () => this.#expr()
    const s = ((): string => {
      switch (r.int(24)) {
        case 0:
        case 1:
        case 2:
          return this.#constant()
        case 3:
        case 4:
        case 5:
          return this.#lvalue()
        case 6:
        case 7:
          return `${e()} ${r.pick(['+', '-', '*', '%', '+', '-'])} ${e()}`
        case 8:
          return `${e()} ${e()}`
        case 9:
          return `${e()} ${r.pick(['<', '<=', '==', '!=', '>', '>='])} ${e()}`
        case 10:
          return `${e()} ${r.pick(['&&', '||'])} ${e()}`
        case 11:
          return `${e()} ? ${e()} : ${e()}`
        case 12:
          return `${r.pick(['!', '-', '+'])}${e()}`
        case 13:
          return `${this.#lvalue()}${r.pick(['++', '--'])}`
        case 14:
          return `${r.pick(['++', '--'])}${this.#lvalue()}`
        case 15:
        case 16:
          return `${this.#lvalue()} ${r.pick(['=', '=', '=', '+=', '-=', '*=', '%='])} ${e()}`
        case 17:
          return `${e()} ${r.pick(['~', '!~'])} ${this.#chance(3) ? e() : this.#regexp()}`
        case 18:
          return `${e()} in ${this.#array()}`
        case 19:
          return `(${e()}, ${e()}) in ${this.#array()}`
        case 20:
          return this.#regexp()
        case 21:
          return `(${e()})`
        default:
          return this.#call()
      }
    })()
    this.#depth--
    return s
  }

  /** One for print, where a > that is not in parentheses would make a file. */
  #printed(): string {
    const s = this.#expr()
    return s.includes('>') ? `(${s})` : s
  }

  #statement(): string {
    const r = this.#r
    this.#depth++
    const inner = () => (this.#depth > 3 ? this.#simple() : this.#statement())
    const s = ((): string => {
      switch (r.int(11)) {
        case 0:
          return `if (${this.#expr()}) ${inner()}`
        case 1:
          return `if (${this.#expr()}) { ${inner()}; ${inner()} } else ${inner()}`
        case 2:
        case 3: {
          const i = `i${this.#counters.length}`
          this.#counters.push(i)
          this.#loops++
          const body = `${inner()}; ${this.#chance(4) ? `if (${this.#expr()}) ${r.pick(['break', 'continue'])}; ` : ''}${inner()}`
          this.#loops--
          this.#counters.pop()
          if (this.#chance(4)) return `${i} = 0; do { ${body} } while (++${i} < ${r.int(4)})`
          return `for (${i} = 0; ${i} < ${r.int(4)}; ${i}++) { ${body} }`
        }
        case 4: {
          // Whether elements come that are made meanwhile is nobody's business.
          const a = this.#array()
          return `for (k in ${a}) ${r.pick([`print k, ${a}[k]`, `n += ${a}[k]`, `delete ${a}[k]`, `if (k > 1) ${a}[k] = k`])}`
        }
        default:
          return this.#simple()
      }
    })()
    this.#depth--
    return s
  }

  #simple(): string {
    const r = this.#r
    switch (r.int(12)) {
      case 0:
      case 1:
      case 2:
        return `print ${this.#printed()}`
      case 3:
        return `print ${this.#printed()}, ${this.#printed()}`
      case 4:
        return this.#chance(3) ? 'print S[1], S[2]' : `print(${this.#expr()}, ${this.#expr()})`
      case 5:
        return `printf "%s|%s\\n", ${this.#printed()}, ${this.#printed()}`
      case 6:
        return `delete ${this.#array()}[${this.#expr()}]`
      case 7:
        return this.#chance(3) ? `delete ${this.#array()}` : 'print'
      case 8:
        if (this.#loops > 0 && this.#chance(2)) return r.pick(['break', 'continue'])
        if (this.#infunc && this.#chance(2)) return `return ${this.#expr()}`
        return `${this.#expr()}`
      case 9:
        if (!this.#infunc && this.#chance(4)) return r.pick(['next', 'exit', 'getline', 'exit 1'])
        return `${this.#expr()}`
      default:
        return `${this.#lvalue()} = ${this.#expr()}`
    }
  }

  #block(): string {
    const all: string[] = []
    for (let n = this.#r.int(4); n >= 0; n--) all.push(this.#statement())
    return `{ ${all.join(this.#r.pick(['; ', '\n', ';\n\t']))} }`
  }

  program(): string {
    const r = this.#r
    this.#depth = 0
    const items: string[] = []
    for (let n = r.int(3); n >= 0; n--) {
      const pattern = r.pick([
        '',
        'BEGIN',
        'END',
        `${this.#expr()} `,
        `${this.#expr()}, ${this.#expr()} `,
        this.#regexp(),
      ])
      items.push(`${pattern} ${this.#block()}`)
    }
    // The functions call each other, but not themselves without end: they count how deep they are.
    this.#infunc = true
    items.push(
      `function f(p, q,  l) {\nif (++deep > 3) { deep--; return p }\n${this.#block().replace(/return ([^;\n}]*)/g, 'l = $1')}\ndeep--; return l p }`,
    )
    items.push(
      `function g(M, p,  q, l) {\nif (++deep > 3) { deep--; return p }\n${this.#block().replace(/return ([^;\n}]*)/g, 'q = $1')}\ndeep--; return q }`,
    )
    this.#infunc = false
    return items.join(r.pick(['\n', '\n\n']))
  }
}
