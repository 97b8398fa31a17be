import type { Sys } from '../kernel/sys.ts'
import { eprint } from './sysfatal.ts'

/**
 * arg(2): the options of a command line, then its other arguments.
 *
 *   const arg = new Arg(argv)
 *   for (const c of arg) switch (c) { case 'n': n = arg.argf() ?? (await usage()) ... }
 *   arg.argv
 *
 * Options may be joined (`-ab`), stop at `--` (which goes) and at `-` (which stays), and are single code points.
 */
export class Arg implements Iterable<string> {
  /** The last element of the program's name. */
  readonly argv0: string
  /** What is left of the arguments: all of the rest once the options have been gone through. */
  argv: string[]
  #flags: string[] = []

  constructor(argv: string[]) {
    this.argv0 = argv0(argv)
    this.argv = argv.slice(1)
  }

  *[Symbol.iterator](): Iterator<string> {
    for (;;) {
      const a = this.argv[0]
      if (a === undefined || a.length < 2 || a[0] !== '-') return
      this.argv.shift()
      if (a === '--') return
      this.#flags = [...a.slice(1)]
      for (;;) {
        const c = this.#flags.shift()
        if (c === undefined) break
        yield c
      }
    }
  }

  /** The option's argument: the rest of this word, or the next word. */
  argf(): string | undefined {
    if (this.#flags.length > 0) {
      const s = this.#flags.join('')
      this.#flags = []
      return s
    }
    return this.argv.shift()
  }
}

export function argv0(argv: string[]): string {
  const s = argv[0] ?? ''
  return s.slice(s.lastIndexOf('/') + 1)
}

/** Prints the lines to standard error and ends the program with the status `usage`. */
export async function usage(sys: Sys, text: string): Promise<never> {
  await eprint(sys, `${text}\n`)
  return sys.exits('usage')
}
