import type { Searcher } from '../../../plan9/libc/search.ts'
import type { Cell } from './value.ts'

/** Programs as trees. */

export type Relop = '<' | '<=' | '==' | '!=' | '>=' | '>'
export type Arithop = '+' | '-' | '*' | '/' | '%' | '^'
/** A regular expression: compiled, or a string that becomes one when it is known. */
export type Regexp = { re: Searcher } | { e: Expr }

/** What can be assigned to. */
export type Lvalue =
  | { t: 'var'; cell: Cell }
  /** The n'th argument of the function. */
  | { t: 'arg'; n: number }
  | { t: 'nf' }
  | { t: 'elem'; arr: Name; subs: Expr[] }
  /** $e */
  | { t: 'field'; e: Expr }

/** What may be an array. */
export type Name = Extract<Lvalue, { t: 'var' | 'arg' | 'nf' }>

export type Expr =
  | Lvalue
  | { t: 'const'; cell: Cell }
  /** A value that the compiler has put on the stack: the n'th from the top, from 1. */
  | { t: 'slot'; n: number }
  | { t: 'group'; e: Expr }
  | { t: 'assign'; op: '' | Arithop; lv: Expr; e: Expr; line: number }
  | { t: 'cond'; c: Expr; a: Expr; b: Expr }
  | { t: 'or' | 'and'; a: Expr; b: Expr }
  | { t: 'not'; a: Expr }
  | { t: 'rel'; op: Relop; a: Expr; b: Expr }
  | { t: 'match'; not: boolean; a: Expr; re: Regexp }
  | { t: 'in'; subs: Expr[]; arr: Name }
  /** '': the current input; otherwise `e` is a file's name or a command. */
  | { t: 'getline'; mode: '' | '<' | 'cmd|'; lv: Lvalue | undefined; e: Expr | undefined; line: number }
  | { t: 'cat'; a: Expr; b: Expr }
  | { t: 'arith'; op: Arithop; a: Expr; b: Expr; line: number }
  | { t: 'neg'; a: Expr }
  /** ++x, x--, and so on. */
  | { t: 'count'; lv: Lvalue; by: 1 | -1; post: boolean }
  | { t: 'call'; fn: Cell; args: Expr[]; line: number }
  | { t: 'builtin'; f: string; args: Expr[]; line: number }
  | { t: 'index'; a: Expr; b: Expr }
  | { t: 'substr'; s: Expr; m: Expr; n: Expr | undefined }
  | { t: 'split'; s: Expr; arr: Name; fs: Regexp | undefined }
  | { t: 'sprintf'; args: Expr[]; line: number }
  | { t: 'sub'; all: boolean; re: Regexp; to: Expr; lv: Lvalue }
  | { t: 'matchfn'; s: Expr; re: Regexp }

export type Stmt =
  | { t: 'expr'; e: Expr; line: number }
  | { t: 'print' | 'printf'; args: Expr[]; mode: '' | '>' | '>>' | '|'; to: Expr | undefined; line: number }
  | { t: 'delete'; arr: Name; subs: Expr[] | undefined; line: number }
  | { t: 'close'; e: Expr; line: number }
  | { t: 'block'; all: Stmt[] }
  | { t: 'if'; c: Expr; a: Stmt; b: Stmt | undefined; line: number }
  | { t: 'while'; c: Expr; a: Stmt; line: number }
  | { t: 'do'; a: Stmt; c: Expr; line: number }
  | { t: 'for'; init: Stmt | undefined; c: Expr | undefined; step: Stmt | undefined; a: Stmt; line: number }
  | { t: 'forin'; v: Name; arr: Name; a: Stmt; line: number }
  | { t: 'break' | 'continue' | 'next' | 'nextfile'; line: number }
  | { t: 'exit' | 'return'; e: Expr | undefined; line: number }

/** A pattern and its action. */
export type Item =
  | { t: 'always'; body: Stmt }
  | { t: 'when'; c: Expr; body: Stmt; line: number }
  | { t: 'range'; from: Expr; to: Expr; body: Stmt; line: number }

export interface Fn {
  nargs: number
  body: Stmt
}

export interface Tree {
  begin: Stmt[]
  items: Item[]
  end: Stmt[]
  /** By name. */
  functions: Map<string, Fn>
}
