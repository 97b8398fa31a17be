import { keywords, Lexer, type LexerOptions, type Token, type TokenType } from './lex.ts'
import {
  type Case,
  type Command,
  type Dup,
  type Group,
  globs,
  iscase,
  type Literal,
  type Redirection,
  type Switch,
  type Word,
} from './tree.ts'

/** What `parse` throws: the message as rc prints it, a line or more without the last newline. */
export class ParseError extends Error {
  override name = 'ParseError'
  /** The text is right as far as it goes: an open brace, quote or here document waits for more. */
  readonly incomplete: boolean
  constructor(message: string, incomplete: boolean) {
    super(message)
    this.incomplete = incomplete
  }
}

/**
 * The commands of a whole text, a line that has none left out.
 * @throws ParseError at the first error of syntax
 */
export function parse(text: string, opts: LexerOptions = {}): Command[] {
  const lex = new Lexer(opts)
  lex.add(text.endsWith('\n') ? text : `${text}\n`)
  lex.ended = true
  const cmds: Command[] = []
  for (;;) {
    const line = parseLine(lex)
    if (line === 'eof') return cmds
    if (line === 'error') throw new ParseError(lex.errors.trimEnd(), lex.eof)
    if (line.tree) cmds.push(line.tree)
  }
}

/** One command line, however many lines of text that takes; `tree` undefined for an empty one. */
export type Line = { tree: Command | undefined } | 'eof' | 'error'

/**
 * The next command line of an input. `eof`: the input ended instead. `error`: `lex.errors` says what, and the line
 * has been passed over.
 * @throws NeedInput when the input's text runs out before its end is known
 */
export function parseLine(lex: Lexer): Line {
  lex.mark()
  return new Parser(lex).line()
}

/** As `parseLine` with the text that has come since it threw NeedInput. */
export function parseLineAgain(lex: Lexer): Line {
  lex.again()
  return new Parser(lex).line()
}

/** Thrown within the parser; the error is in the lexer by then. */
const syntaxError = new Error('syntax error')

/** How deep a tree may be: as many states as rc's own parser can hold. */
const MAXDEPTH = 500

/** Binding strengths, loosest first, of `&&` and `||`, of `!`, `@` and what stands before a command, and of `|`. */
const ANDOR = 1
const PREFIX = 2
const PIPE = 3

/**
 * A parser by recursive descent. It looks one token ahead and only where it must, for what comes next may depend on what
 * has been understood: new lines after `)`, here documents after the end of a line, a caret after a keyword.
 */
class Parser {
  private readonly lex: Lexer
  private ahead: Token | undefined
  private depth = 0
  private heredocs: Redirection[] = []

  constructor(lex: Lexer) {
    this.lex = lex
  }

  private peek(): TokenType {
    this.ahead ??= this.lex.next()
    return this.ahead.type
  }

  private next(): Token {
    const t = this.ahead ?? this.lex.next()
    this.ahead = undefined
    return t
  }

  private fail(msg = 'syntax error'): never {
    this.lex.yyerror(msg)
    throw syntaxError
  }

  private expect(type: TokenType): Token {
    if (this.peek() !== type) this.fail()
    return this.next()
  }

  private skipnl(): void {
    this.lex.skipnl()
  }

  private enter(): void {
    if (++this.depth > MAXDEPTH) this.fail('yacc stack overflow')
  }

  line(): Line {
    try {
      if (this.peek() === 'eof') return this.lex.error === undefined ? 'eof' : 'error'
      const cmds: Command[] = []
      while (this.item(cmds)) {}
      this.expect('\n')
      this.readhere()
      const tree = seq(cmds)
      if (tree) check(tree, this.lex)
      return this.lex.error === undefined ? { tree } : 'error'
    } catch (e) {
      if (e === syntaxError) return 'error'
      throw e
    }
  }

  /** A command, and the `;` or `&` after it: false when there is none and the list is over. */
  private item(cmds: Command[]): boolean {
    const t = this.cmd(0)
    const end = this.peek()
    if (end === '&') cmds.push({ type: '&', line: t?.line ?? this.lex.line, body: t })
    else if (t) cmds.push(t)
    if (end !== ';' && end !== '&') return false
    this.next()
    return true
  }

  private body(): Command | undefined {
    const cmds: Command[] = []
    for (;;) {
      if (this.item(cmds)) continue
      if (this.peek() !== '\n') return seq(cmds)
      this.next()
      this.readhere()
    }
  }

  private readhere(): void {
    const docs = this.heredocs
    if (docs.length === 0) return
    this.heredocs = []
    for (const t of docs) {
      const text = this.lex.readhere((t.file as Literal).text)
      if (text === undefined) throw syntaxError
      t.here = text
    }
  }

  private group(open: '{' | '('): Group {
    this.expect(open)
    this.enter()
    const body = this.body()
    this.expect(open === '{' ? '}' : ')')
    this.depth--
    return { type: open === '{' ? 'brace' : 'paren', line: body?.line ?? this.lex.line, body }
  }

  private cmd(min: number): Command | undefined {
    const { depth } = this
    this.enter()
    let left = this.operand()
    for (;;) {
      const op = this.peek()
      if (op === '|' && min <= PIPE) {
        const t = this.next()
        const right = this.cmd(PIPE + 1)
        left = { type: '|', line: t.line, out: t.fd!, in: t.from!, left, right }
      } else if ((op === '&&' || op === '||') && min <= ANDOR) {
        this.next()
        const right = this.cmd(ANDOR + 1)
        left = { type: op, line: (left ?? right)?.line ?? this.lex.line, left, right }
      } else break
      this.enter()
    }
    this.depth = depth
    return left
  }

  private operand(): Command | undefined {
    const type = this.peek()
    const line = this.ahead!.line
    switch (type) {
      case '{': {
        const t = this.group('{')
        return this.redirs(t)
      }
      case 'if': {
        this.next()
        if (this.peek() === 'not') {
          this.next()
          this.skipnl()
          return { type: 'if not', line, body: this.cmd(0) }
        }
        const cond = this.group('(')
        this.skipnl()
        return { type: 'if', line, cond, body: this.cmd(0) }
      }
      case 'for': {
        this.next()
        this.expect('(')
        const name = this.word()
        let words: Word[] | undefined
        if (this.peek() === 'in') {
          this.next()
          words = this.words()
          if (words.length === 0) words = [{ type: 'list', line, words: [], glob: false }]
        }
        this.expect(')')
        this.skipnl()
        return { type: 'for', line, name, words, body: this.cmd(0) }
      }
      case 'while': {
        this.next()
        const cond = this.group('(')
        this.skipnl()
        return { type: 'while', line, cond, body: this.cmd(0) }
      }
      case 'switch': {
        this.next()
        const word = this.word()
        if (this.peek() !== '{') this.fail()
        const body = this.group('{')
        return { type: 'switch', line: word.line, word, body, cases: [] }
      }
      case '~': {
        this.next()
        const subject = this.word()
        return { type: '~', line, subject, patterns: this.words() }
      }
      case '!':
      case '@':
        this.next()
        return { type, line, body: this.cmd(PREFIX) }
      case 'fn': {
        this.next()
        const names = this.words()
        const body = this.peek() === '{' ? this.group('{') : undefined
        return { type: 'fn', line: names[0]?.line ?? body?.line ?? this.lex.line, names, body }
      }
      case 'redir':
      case 'dup': {
        const t = this.next()
        if (t.type === 'redir' && this.peek() === '{') return this.simple(this.pipefile(t))
        const r = this.redir(t)
        r.body = this.cmd(PREFIX)
        return r
      }
      case 'word':
      case '$':
      case '$#':
      case '$"':
      case '`':
      case '(':
        return this.simple(this.atom())
    }
    return undefined
  }

  /** A simple command or an assignment, from its first word on. */
  private simple(start: Word): Command {
    const first = this.carets(start)
    if (this.peek() === '=') {
      this.next()
      const value = this.word()
      return { type: '=', line: first.line, name: first, value, body: this.cmd(PREFIX) }
    }
    const words = [first]
    const redirs: (Redirection | Dup)[] = []
    for (;;) {
      const type = this.peek()
      if (type === 'redir' || type === 'dup') {
        const t = this.next()
        if (t.type === 'redir' && this.peek() === '{') words.push(this.carets(this.pipefile(t)))
        else this.pushredir(redirs, t)
      } else if (startsWord(type)) words.push(this.word())
      else return wrap({ type: 'simple', line: first.line, words }, redirs)
    }
  }

  /** The redirections after a closing brace. */
  private redirs(t: Command): Command {
    const redirs: (Redirection | Dup)[] = []
    for (let type = this.peek(); type === 'redir' || type === 'dup'; type = this.peek()) {
      this.pushredir(redirs, this.next())
    }
    return wrap(t, redirs)
  }

  /** Each redirection is a node around the others. */
  private pushredir(redirs: (Redirection | Dup)[], t: Token): void {
    if (this.depth + redirs.length >= MAXDEPTH) this.fail('yacc stack overflow')
    redirs.push(this.redir(t))
  }

  private redir(t: Token): Redirection | Dup {
    if (t.type === 'dup') return { type: 'dup', line: t.line, fd: t.fd!, from: t.from!, body: undefined }
    const file = this.word()
    const r: Redirection = { type: 'redir', line: t.line, mode: t.mode!, fd: t.fd!, file, here: '', body: undefined }
    if (r.mode === '<<') {
      if (file.type !== 'word') this.fail('Bad here tag')
      this.heredocs.push(r)
    }
    return r
  }

  private pipefile(t: Token): Word {
    const body = this.group('{')
    return { type: 'pipefile', line: t.line, mode: t.mode!, body: body.body }
  }

  private words(): Word[] {
    const words: Word[] = []
    while (startsWord(this.peek()) || this.peek() === 'redir') words.push(this.word())
    return words
  }

  private word(): Word {
    return this.carets(this.atom())
  }

  private carets(start: Word): Word {
    const { depth } = this
    let w = start
    for (; this.peek() === '^'; this.enter()) w = this.caret(w)
    this.depth = depth
    return w
  }

  private caret(left: Word): Word {
    this.next()
    const right = this.atom()
    return { type: '^', line: left.line, left, right, glob: globs(left) || globs(right) }
  }

  /** A word up to a caret. */
  private atom(): Word {
    this.enter()
    const w = this.atom1()
    this.depth--
    return w
  }

  private atom1(): Word {
    const type = this.peek()
    const t = this.ahead!
    const { line } = t
    switch (type) {
      case 'word': {
        this.next()
        const w: Literal = { type: 'word', line, text: t.text, quoted: t.quoted === true }
        if (t.pattern !== undefined) w.pattern = t.pattern
        return w
      }
      case '$': {
        this.next()
        const name = this.atom()
        if (this.peek() !== 'sub') return { type: '$', line: name.line, name }
        this.next()
        const subs = this.words()
        this.expect(')')
        return { type: 'sub', line: name.line, name, subs }
      }
      case '$#':
      case '$"': {
        this.next()
        const name = this.atom()
        return { type, line: name.line, name }
      }
      case '`': {
        this.next()
        const split = this.peek() === '{' ? undefined : this.word()
        const body = this.group('{')
        return { type: '`', line: split?.line ?? body.line, split, body: body.body }
      }
      case '(': {
        this.next()
        const words = this.words()
        this.expect(')')
        return { type: 'list', line: words[0]?.line ?? this.lex.line, words, glob: words.some(globs) }
      }
      case 'redir':
        this.next()
        return this.pipefile(t)
    }
    if (!keywords.has(type)) this.fail()
    this.next()
    this.lex.lastword = true
    return { type: 'word', line, text: t.text, quoted: false }
  }
}

function startsWord(type: TokenType): boolean {
  switch (type) {
    case 'word':
    case '$':
    case '$#':
    case '$"':
    case '`':
    case '(':
      return true
  }
  return keywords.has(type)
}

function seq(cmds: Command[]): Command | undefined {
  if (cmds.length < 2) return cmds[0]
  return { type: 'seq', line: cmds[0]!.line, cmds }
}

/** Redirections around a command, the first of them outermost. */
function wrap(t: Command, redirs: (Redirection | Dup)[]): Command {
  let inner = t
  for (const r of redirs.reverse()) {
    r.body = inner
    inner = r
  }
  return inner
}

/**
 * What rc finds wrong only when a whole line has been read: an `if not` with no `if` before it, a switch without cases.
 * Makes out the cases of switches on the way. `lex.iflast` goes on from line to line.
 */
function check(t: Command | undefined, lex: Lexer): void {
  if (t === undefined) return
  if (t.type === 'seq') {
    for (const c of t.cmds) check(c, lex)
    lex.iflast = t.cmds[0]!.type === 'if'
    return
  }
  if (t.type === 'if not') {
    if (!lex.iflast) lex.yyerror("`if not' does not follow `if(...)'")
    check(t.body, lex)
    lex.iflast = t.body?.type === 'if'
    return
  }
  lex.iflast = false
  switch (t.type) {
    case 'simple':
      for (const w of t.words) checkWord(w, lex)
      break
    case 'if':
    case 'while':
      check(t.cond, lex)
      check(t.body, lex)
      break
    case 'for':
      if (t.words) for (const w of t.words) checkWord(w, lex)
      checkWord(t.name, lex)
      check(t.body, lex)
      break
    case 'switch':
      checkWord(t.word, lex)
      checkSwitch(t, lex)
      break
    case '~':
      for (const w of t.patterns) checkWord(w, lex)
      checkWord(t.subject, lex)
      break
    case '&&':
    case '||':
    case '|':
      check(t.left, lex)
      check(t.right, lex)
      break
    case '=':
      checkWord(t.value, lex)
      checkWord(t.name, lex)
      check(t.body, lex)
      break
    case 'fn':
      for (const w of t.names) checkWord(w, lex)
      check(t.body, lex)
      break
    case 'redir':
      checkWord(t.file, lex)
      check(t.body, lex)
      break
    default:
      check(t.body, lex)
  }
  lex.iflast = t.type === 'if'
}

function checkSwitch(t: Switch, lex: Lexer): void {
  const body = t.body.body
  if (body?.type !== 'seq' || !iscase(body.cmds[0])) {
    lex.yyerror('case missing in switch')
    return
  }
  let last: Case | undefined
  for (const c of body.cmds) {
    if (iscase(c)) {
      for (const w of c.words.slice(1)) checkWord(w, lex)
      last = { patterns: c.words.slice(1), cmds: [] }
      t.cases.push(last)
    } else {
      check(c, lex)
      last!.cmds.push(c)
    }
  }
}

function checkWord(w: Word, lex: Lexer): void {
  switch (w.type) {
    case '$':
    case '$#':
    case '$"':
      checkWord(w.name, lex)
      break
    case 'sub':
      checkWord(w.name, lex)
      for (const s of w.subs) checkWord(s, lex)
      break
    case '`':
      if (w.split) checkWord(w.split, lex)
      check(w.body, lex)
      break
    case '^':
      checkWord(w.right, lex)
      checkWord(w.left, lex)
      break
    case 'list':
      for (const s of w.words) checkWord(s, lex)
      break
    case 'pipefile':
      check(w.body, lex)
      break
  }
}
