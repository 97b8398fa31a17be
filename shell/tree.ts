/** The trees that the parser makes of rc's commands: the language of rc(1), without its punctuation. */

/**
 * In a pattern this character stands before each `*`, `?` and `[` that is to match, and before itself; a word that came
 * out of quotes or out of a variable has none, and so matches as it is written.
 */
export const GLOB = '\x01'

/** An argument: what stands where the syntax asks for a word. Each has a list of strings for its value. */
export type Word = Literal | Variable | Subscript | Backquote | Concatenation | List | PipeFile

/** A quoted or an unquoted word. */
export interface Literal {
  type: 'word'
  line: number
  text: string
  /** The text with its GLOB marks, when it is unquoted and has any of `*?[`. */
  pattern?: string
  quoted: boolean
}

/** `$name`, `$#name` (count), `$"name` (join). */
export interface Variable {
  type: '$' | '$#' | '$"'
  line: number
  name: Word
}

/** `$name(subscripts)` */
export interface Subscript {
  type: 'sub'
  line: number
  name: Word
  subs: Word[]
}

/** `` `{body} `` or `` `split{body} `` */
export interface Backquote {
  type: '`'
  line: number
  split: Word | undefined
  body: Command | undefined
}

/** `left^right`, the caret written or free. `glob`: file names are matched once the whole is put together. */
export interface Concatenation {
  type: '^'
  line: number
  left: Word
  right: Word
  glob: boolean
}

/** `(words)` */
export interface List {
  type: 'list'
  line: number
  words: Word[]
  glob: boolean
}

/** `<{body}`, `>{body}`, `<>{body}`: the name of a file that is a pipe from or to the command. */
export interface PipeFile {
  type: 'pipefile'
  line: number
  mode: OpenMode
  body: Command | undefined
}

export type OpenMode = '<' | '>' | '>>' | '<>' | '<<'

export type Command =
  | Simple
  | Seq
  | Group
  | If
  | IfNot
  | For
  | While
  | Switch
  | Match
  | Binary
  | Pipe
  | Prefix
  | Fn
  | Assign
  | Redirection
  | Dup

/** Words that make one command. Its redirections stand around it, the first outermost. */
export interface Simple {
  type: 'simple'
  line: number
  words: Word[]
}

/** Two commands or more, one after the other. */
export interface Seq {
  type: 'seq'
  line: number
  cmds: Command[]
}

/** `{body}`, or `(body)` where it is a condition. */
export interface Group {
  type: 'brace' | 'paren'
  line: number
  body: Command | undefined
}

export interface If {
  type: 'if'
  line: number
  cond: Group
  body: Command | undefined
}

export interface IfNot {
  type: 'if not'
  line: number
  body: Command | undefined
}

/** `words` undefined: `for(name)`, which goes through `$*`. Of `for(name in )` they are one empty list. */
export interface For {
  type: 'for'
  line: number
  name: Word
  words: Word[] | undefined
  body: Command | undefined
}

export interface While {
  type: 'while'
  line: number
  cond: Group
  body: Command | undefined
}

export interface Switch {
  type: 'switch'
  line: number
  word: Word
  body: Group
  cases: Case[]
}

/** One `case` of a switch with the commands up to the next. */
export interface Case {
  patterns: Word[]
  cmds: Command[]
}

/** `~ subject patterns` */
export interface Match {
  type: '~'
  line: number
  subject: Word
  patterns: Word[]
}

export interface Binary {
  type: '&&' | '||'
  line: number
  left: Command | undefined
  right: Command | undefined
}

/** `left |[in=out] right`: the left command's fd `out` is what the right one reads on `in`. */
export interface Pipe {
  type: '|'
  line: number
  out: number
  in: number
  left: Command | undefined
  right: Command | undefined
}

/** `! body`, `@ body`, `body &` */
export interface Prefix {
  type: '!' | '@' | '&'
  line: number
  body: Command | undefined
}

/** `fn names {body}`; without a body the names are undefined. */
export interface Fn {
  type: 'fn'
  line: number
  names: Word[]
  body: Group | undefined
}

/** `name=value body`; without a body the assignment lasts. */
export interface Assign {
  type: '='
  line: number
  name: Word
  value: Word
  body: Command | undefined
}

/** `body >[fd] file` and its like. Of a here document `file` is the tag and `here` the text, without the tag's line. */
export interface Redirection {
  type: 'redir'
  line: number
  mode: OpenMode
  fd: number
  file: Word
  here: string
  body: Command | undefined
}

/** `body >[fd=from]`; `from` -1 closes: `body >[fd=]`. */
export interface Dup {
  type: 'dup'
  line: number
  fd: number
  from: number
  body: Command | undefined
}

/** True when file names are matched after the word has been put together. */
export function globs(w: Word): boolean {
  return w.type === 'word' ? w.pattern !== undefined : (w.type === '^' || w.type === 'list') && w.glob
}

/** True of a simple command whose first word is an unquoted `case`. */
export function iscase(t: Command | undefined): t is Simple {
  if (t?.type !== 'simple') return false
  const w = t.words[0]!
  return w.type === 'word' && !w.quoted && w.text === 'case'
}
