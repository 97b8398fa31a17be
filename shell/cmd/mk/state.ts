import type { Sys } from '../../../plan9/kernel/sys.ts'
import { Bout } from '../../../plan9/libc/bio.ts'
import { attempt, eprint } from '../../../plan9/libc/sysfatal.ts'
import type { Node } from './graph.ts'
import type { Rules } from './rule.ts'

/** What ends mk: its text goes to standard error, and the status is `error` when all children are gone. */
export class Fatal extends Error {
  override name = 'Fatal'
}

/** Variables that only recipes see. */
export const internal = [
  ...['target', 'stem', 'prereq', 'pid', 'nproc', 'newprereq', 'alltarget', 'newmember'],
  ...Array.from({ length: 10 }, (_, i) => `stem${i}`),
]

export interface Flags {
  all: boolean
  intermediate: boolean
  keepgoing: boolean
  noexec: boolean
  touch: boolean
  explain: boolean
  debugparse: boolean
  debuggraph: boolean
  debugexec: boolean
}

/** One run of mk: what the mkfiles said, and what is known of the files. */
export class Mk {
  readonly sys: Sys
  readonly out: Bout
  readonly flags: Flags
  readonly rules: Rules
  readonly vars = new Map<string, string[]>()
  /** Variables that mkfiles or arguments set: recipes are printed with their values. */
  readonly ours = new Set<string>()
  /** Set by an argument: mkfiles don't change them. */
  readonly override = new Set<string>()
  readonly noexport = new Set<string>()
  readonly nodes = new Map<string, Node>()
  /** Times of files, and of members as `archive(member)`, in seconds; from directories read whole and from -w. */
  readonly times = new Map<string, number>()
  /** What is being read, and the number of the line to come. */
  file = ''
  line = 0
  /** Recipes that failed, and targets that nothing makes, under -k. */
  runerrs = 0
  #complaints = ''

  constructor(sys: Sys, flags: Flags, rules: Rules) {
    this.sys = sys
    this.out = new Bout(sys, 1)
    this.flags = flags
    this.rules = rules
  }

  /** The text of a syntax error, with its place. */
  where(msg: string, line = this.line): string {
    return `mk: ${this.file}:${line}: syntax error; ${msg}`
  }

  /** An error that ends nothing: said at the next `speak`. */
  complain(msg: string): void {
    this.#complaints += `${msg}\n`
  }

  async speak(): Promise<void> {
    const s = this.#complaints
    this.#complaints = ''
    if (s !== '') await eprint(this.sys, s)
  }

  /** Standard output past the buffer. */
  async print(s: string): Promise<void> {
    await attempt(this.sys.write(1, s))
  }
}
