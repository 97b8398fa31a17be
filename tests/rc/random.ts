/**
 * Random programs of rc's grammar. A program is made of a row of choices, and a shorter row, or one with smaller numbers
 * in it, makes a simpler program: `shrink` looks for the simplest that still fails.
 */
export function program(choices: number[]): string {
  return new Program(choices).text()
}

/**
 * `fails` is asked of simpler and simpler rows of choices, for a minute at most.
 * @returns one that fails, and no simpler one is known
 */
export async function shrink(choices: number[], fails: (choices: number[]) => Promise<boolean>): Promise<number[]> {
  let best = choices
  const end = Date.now() + 60_000
  const better = async (c: number[]) => {
    if (Date.now() > end || program(c) === program(best) || !(await fails(c))) return false
    best = c
    return true
  }
  for (let size = best.length >> 1; size > 0; size >>= 1)
    for (let i = 0; i + size <= best.length; )
      if (!(await better([...best.slice(0, i), ...best.slice(i + size)]))) i += size
  for (let i = 0; i < best.length; i++) if (best[i] !== 0) await better(best.map((c, j) => (j === i ? 0 : c)))
  return best
}

const names = ['x', 'y', 'z', 'long_name', 'é']
const plain = ['a', 'b', 'ab', 'abc', 'x', '1', '2', '10', 'a.c', '-x', './b', 'é', '日本', '%', 'a+b', '~x', '!']
const quoted = ["'a b'", "''", "'it''s'", "'$x'", "'a\nb'", "'#'", "'='", "'a	b'", "'`{'"]
/** What 9base's whatis does not quote: p never gets to see it. */
const meta = ["'*'", "'?a'", "'[a]'", "'\\'", '../g/none*', 'none?', '[~z]']
const globs = ['../g/*', '../g/*.c', '../g/[ab]*', '../g/?.h', '../g/[~a]*', '../*/a.c', '../g/.h*', '../g/*/*']
const patterns = ['*', 'a*', '*b', '?', '??', '[a-c]', '[~a]*', '*.c', '*[0-9]*', "''", "a'*'", '*^b', '[b-]?']

class Program {
  private readonly choices: number[]
  private at = 0
  private depth = 0
  /** Files and loops so far, which all have names of their own. */
  private files = 0
  private loops = 0
  /** No words that match file names: see `unglobbed`. */
  private noglob = false
  /** What is made may run more than once: see `repeat`. */
  private repeated = false
  /** Functions that are defined by now, and so call none that are not. */
  private readonly fns: string[] = []
  /** Here documents of the line that is being made. */
  private docs = ''

  constructor(choices: number[]) {
    this.choices = choices
  }

  private int(n: number): number {
    return (this.choices[this.at++] ?? 0) % n
  }

  private pick<T>(of: readonly T[]): T {
    return of[this.int(of.length)]!
  }

  private some(min: number, max: number, f: () => string, between = ' '): string {
    return Array.from({ length: min + this.int(max - min + 1) }, f).join(between)
  }

  /** Nests no deeper than four. */
  private deeper(f: () => string, otherwise: () => string): string {
    if (this.depth >= 4) return otherwise()
    this.depth++
    const s = f()
    this.depth--
    return s
  }

  /** p prints its arguments so that each can be told from the next, and needs no process. */
  text(): string {
    let text = "fn p { whatis '*' }\n"
    for (let n = 2 + this.int(3); n > 0; n--) {
      text += `${this.line()}\n${this.docs}`
      this.docs = ''
    }
    return text
  }

  private line(): string {
    switch (this.int(12)) {
      case 0:
      case 1:
      case 2:
        return `${this.cmd()}${this.pick(['', '', ';', ' # comment', '; ', ' \\\n'])}`
      case 3:
        return this.some(1, 3, () => this.cmd(), '; ')
      case 4:
        return `if(${this.cond()}) ${this.cmd()}\nif not ${this.cmd()}`
      case 5:
        return `if(${this.cond()}) ${this.cmd()}\nif not if(${this.cond()}) ${this.cmd()}\nif not ${this.cmd()}`
      case 6:
        return this.fn()
      case 7:
        return this.here()
      case 8:
        return `${this.assign()}\np $${this.name()}`
      case 9:
        if (this.int(2)) return `{${this.cmd()}} && p yes || p no`
        return `echo ${this.some(1, 5, () => this.pick([...meta, ...globs, '../g/*^.c', '$x^*', '`{p a}^[~z]']))}`
      case 10:
        // 9base's flag leaves the status as it is.
        return this.pick([
          "status=''; flag e +",
          "status=''; flag e -",
          'cd .',
          'wait',
          'ifs=:',
          "ifs=' '",
          'shift',
          '*=(a b c)',
        ])
      default:
        return this.descriptors()
    }
  }

  private name(): string {
    return this.pick(names)
  }

  private file(): string {
    return `f${this.files++}`
  }

  // Words.

  private word(): string {
    switch (this.int(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.pick(plain)
      case 4:
      case 5:
        return this.pick(quoted)
      case 6:
      case 7:
        return `$${this.name()}`
      case 8:
      case 9:
        return this.variable()
      case 10:
        return `(${this.some(0, 3, () => this.word())})`
      case 11:
        return this.noglob ? 'c' : this.pick(globs)
      case 12:
        return this.deeper(
          () => `\`{${this.cmd()}}`,
          () => 'a',
        )
      case 13:
        return `${this.pick(plain)}${this.pick(['$', '$#', '$"'])}${this.name()}`
      case 14:
        return `$${this.name()}${this.pick(['.c', "'q'", '-b', `$${this.name()}`, '^z', ' '])}`
      default:
        return this.deeper(
          () => this.unglobbed(() => `${this.word()}^${this.word()}`),
          () => 'b',
        )
    }
  }

  /** What stays a pattern when it is evaluated, if only in 9base's rc. */
  private unglobbed(f: () => string): string {
    const { noglob } = this
    this.noglob = true
    const s = f()
    this.noglob = noglob
    return s
  }

  private variable(): string {
    const name = this.pick([...names, '*'])
    switch (this.int(8)) {
      case 0:
        return `$#${name}`
      case 1:
        return `$"${name}`
      case 2:
        return `$${name}(${this.some(1, 3, () => this.pick(['1', '2', '3', '0', '9', '1-2', '2-', '2-9', `$#${name}`, '3-1']))})`
      case 3:
        return `$${this.pick(['1', '2', '3', '01'])}`
      case 4:
        return `$#${this.pick(['1', '2', '9'])}`
      case 5:
        return '$$ref'
      case 6:
        return '$#$ref'
      default:
        return '$*'
    }
  }

  /** Words that bring no error. */
  private plain(): string {
    return this.some(1, 3, () => (this.int(2) ? this.pick(plain) : `$${this.name()}`))
  }

  private words(): string {
    return this.some(0, 4, () => this.word())
  }

  private pattern(): string {
    return this.int(4) === 0 ? this.word() : this.pick(patterns)
  }

  // Commands.

  private cond(): string {
    switch (this.int(5)) {
      case 0:
      case 1:
        return `~ ${this.subject()} ${this.some(0, 3, () => this.pattern())}`
      case 2:
        return `! ~ ${this.subject()} ${this.pattern()}`
      case 3:
        return this.cmd()
      default:
        return `${this.cmd()}${this.pick(['; ', '\n', ' && ', ' || '])}~ $#${this.name()} ${this.int(3)}`
    }
  }

  private subject(): string {
    return this.int(4) === 3 ? this.pick(meta) : this.unglobbed(() => this.word())
  }

  private block(): string {
    const between = this.pick(['; ', '\n\t'])
    return `{${this.pick(['', ' ', '\n'])}${this.some(0, 3, () => this.cmd(), between)}${this.pick(['', '\n', ' '])}}`
  }

  private assign(): string {
    const name = this.pick([...names, 'ref', '*'])
    // A list made of itself over and over has no end to its length.
    if (this.repeated) return `${name}=${this.pick([...plain, ...quoted, '()', '(b a)', `$${this.name()}`])}`
    return `${name}=${this.int(2) ? this.word() : `(${this.words()})`}`
  }

  /** What may run more than once. */
  private repeat(f: () => string): string {
    const { repeated } = this
    this.repeated = true
    const s = f()
    this.repeated = repeated
    return s
  }

  private print(): string {
    if (this.int(8) < 7) return `p ${this.words()}`
    return `echo ${this.words()}`
  }

  private cmd(): string {
    return this.deeper(
      () => this.cmd1(),
      () => this.print(),
    )
  }

  private cmd1(): string {
    switch (this.int(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.print()
      case 4:
        return this.assign()
      case 5:
        return `${this.assign()} ${this.assign()}`
      case 6:
        return `${this.unglobbed(() => this.assign())} ${this.pick([this.print(), this.block()])}`
      case 7:
        return `~ ${this.subject()} ${this.some(1, 3, () => this.pattern())}`
      case 8:
        return `! ${this.cmd()}`
      case 9:
        return `${this.cmd()} ${this.pick(['&&', '||', '&&\n', '||\n\n'])} ${this.cmd()}`
      case 10:
        return `@ ${this.int(2) ? this.cmd() : this.block()}`
      case 11:
        return this.block()
      case 12:
        return `${this.cmd()} |${this.pick(['', ' ', '\n'])}${this.filter()}`
      case 13:
        return `{p ${this.plain()} >[1=2]; ${this.pick(['', 'p ', '{~ a b}'])} >[2=]} |[2] ${this.filter()}`
      case 14:
        return `if(${this.cond()}) ${this.cmd()}`
      case 15:
        return `for(${this.name()} in ${this.words()}) ${this.repeat(() => this.cmd())}`
      case 16:
        return `for(${this.name()})${this.pick([' ', '\n\t'])}${this.repeat(() => this.cmd())}`
      case 17: {
        const n = `n${this.loops++}`
        return `{${n}=(${this.words()} 1); while(! ~ $#${n} 0) {${this.repeat(() => this.cmd())}; ${n}=$${n}(2-)}}`
      }
      case 18:
        return this.switch()
      case 19:
        return this.fns.length === 0 ? this.print() : `${this.pick(this.fns)} ${this.words()}`
      case 20:
        return `eval ${this.int(2) ? quote(this.cmd()) : `p ${this.pick(plain)}`}`
      case 21:
        return `whatis ${this.pick([...names, 'cd', '.', 'eval', "'*'"])}`
      case 22:
        return `${this.pick(['shift', 'shift 2', 'shift 0', 'wait', "status=''", 'status=bad', 'builtin eval p b', '~ a b', 'cd .'])}`
      case 23:
        return `@ {${this.cmd()}; exit ${this.pick(['', "''", 'bad', '$status'])}}`
      case 24:
        return this.int(4)
          ? this.redirected(this.pick(['>[1=2]', '>[2=]', '>[2]/dev/null', '</dev/null']))
          : `{p ${this.plain()} >[1=2]; p ${this.plain()}} >[2=1]`
      default:
        return `ifs=${this.pick([':', '()', "''", "' :'", 'a'])} {w=\`{${this.print()}}; p $w}`
    }
  }

  /** Redirections follow simple commands and braces; they precede any. */
  private redirected(redir: string): string {
    return this.int(2) ? `${redir} ${this.cmd()}` : `{${this.cmd()}} ${redir}`
  }

  private filter(): string {
    switch (this.int(6)) {
      case 0:
        return 'cat'
      case 1:
        return 'tr a-z A-Z'
      case 2:
        return 'uniq'
      case 3:
        return '{w=`{cat}; p $w}'
      case 4:
        return 'while(l=`{read}) p $l'
      default:
        return 'sort'
    }
  }

  private switch(): string {
    const cases = this.some(
      1,
      3,
      () => `case ${this.some(1, 3, () => this.pattern())}${this.pick(['\n\t', '; '])}${this.cmd()}`,
      '\n',
    )
    return `switch(${this.subject()}){\n${cases}\n}`
  }

  private fn(): string {
    const name = `f${this.fns.length}`
    const body = this.int(3)
      ? this.repeat(() => `{${this.pick(['', 'shift; ', 'p $#*; '])}${this.cmd()}; ${this.cmd()}}`)
      : `{ if(! ~ $#* 0) {p $*; ${name} $*(2-)} }`
    this.fns.push(name)
    // What whatis prints of it defines it again; but 9base's prints "a >x | b" as ">x a | b".
    const again =
      this.int(3) === 0 && !/[<>]/.test(body) ? `\nwhatis ${name} >${name}.def; fn ${name}; . ./${name}.def` : ''
    return `fn ${name} ${body}${again}\n${name} ${this.words()}`
  }

  /** 9base puts variables into a here document when it reads it, so that must be when it is run. */
  private here(): string {
    const tag = this.pick(['EOF', "'E F'", "''"])
    const lines = this.some(
      0,
      3,
      () => this.pick(['text', '$x', '$x^y $#x $"x', "it's $$ `{x}", '$1.$9.', '\\', ' EOF']),
      '\n',
    )
    const end = tag.replaceAll("'", '')
    this.docs = `${lines}${lines === '' ? '' : '\n'}${end}\n`
    return `cat <<${tag}${this.pick(['', ' | tr a-z A-Z', ` >${this.file()}`, ' >[1=2]', ' && p after', '; p after'])}`
  }

  private descriptors(): string {
    const f = this.file()
    switch (this.int(13)) {
      case 0:
        return `${this.redirected(`>${f}`)}; cat ${f}`
      case 1:
        return `{${this.cmd()}; ${this.cmd()}} >${f}\n${this.redirected(`>>${f}`)}; cat <${f}`
      case 2:
        return `{p ${this.plain()}; p ${this.plain()} >[1=2]} >[2]${f} | cat; cat ${f}`
      case 3:
        return `for(${this.name()} in ${this.words()}) ${this.print()} >>${f}; cat ${f}`
      case 4:
        return `cat <{${this.cmd()}} <{${this.cmd()}}`
      case 5:
        return `{${this.cmd()}} >${f} & wait; cat ${f}`
      case 6:
        return `echo ${quote(this.cmd())} >${f}; . ./${f} ${this.words()}; p $*`
      case 7:
        return `>${f} {${this.cmd()}}; <${f} ${this.filter()}; p ${f}*`
      case 8:
        return `{p ${this.plain()} >[1=3]} >[3]${f}; {cat <[0=4]} <[4]${f}`
      case 9:
        return this.pick([
          `{p a >[1=4]} |[4] ${this.filter()}`,
          '{p a >[1=3]} |[0=3] cat',
          '{p a >[1=5]} |[3=5] cat <[0=3]',
        ])
      case 10:
        return `p ${this.plain()} >${f}; @ {exec cat <${f}}`
      case 11:
        return `p ${this.plain()} >${f}; p ${this.plain()} <>[1]${f}; cat ${f}`
      default:
        return `rc -c ${quote(`x=(a b) y=1 z=c ref=y long_name=2 é=(); ${this.cmd()}`)} 1 ${this.words()}`
    }
  }
}

function quote(s: string): string {
  return `'${s.replaceAll("'", "''")}'`
}
