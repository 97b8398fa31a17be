import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Script } from './scripts.ts'

const file = fileURLToPath(new URL('../../docs/rc-conformance.md', import.meta.url))

interface Construct {
  /** As rc(1) writes it. */
  name: string
  /** The scripts that cover it, by what their names begin with; the longest such beginning decides. */
  scripts: readonly string[]
  /** The tests beside the scripts that cover it. */
  tests?: string
  /** Where we are not as 9front's rc or its manual, and why. */
  differs?: string
}

const sections: Record<string, readonly Construct[]> = {
  'Command lines': [
    {
      name: '`;`, newlines, `#`, `\\`',
      scripts: ['seq', 'semicolons', 'comment', 'comments', 'continuation', 'backslash', 'no-newline'],
    },
    { name: '`&`, `$apid`', scripts: ['amp', 'async'] },
    { name: '`{ }`', scripts: ['braces', 'group'] },
    { name: 'what binds tighter, what is done first', scripts: ['precedence', 'order'] },
  ],
  Arguments: [
    {
      name: 'words, quotation',
      scripts: ['words', 'args', 'quote', 'nested-quotes'],
      differs: 'A token may be of any length; 9front’s end at 8192 bytes. Text that is not UTF-8 becomes U+FFFD.',
    },
    { name: '`(a b)`', scripts: ['list', 'lists', 'long'] },
    { name: '`$x $$x $1 $*`', scripts: ['dollar', 'indirect', 'positional'] },
    { name: '`$x(2) $x(2-3) $x(2-)`', scripts: ['subscript', 'subscripts'] },
    { name: '`$#x`', scripts: ['count'] },
    { name: '`$"x`', scripts: ['join', 'joined'] },
    { name: '`` `{} ``, `$ifs`', scripts: ['backquote'], differs: 'What is longer than 256 megabytes is an error.' },
    { name: '`` `split{} ``', scripts: ['backquote-split'] },
    { name: '`<{} >{}`', scripts: ['pipefile'] },
    { name: '`a^b`', scripts: ['caret', 'concat', 'concatenate'] },
    { name: 'free carets', scripts: ['free-caret'] },
    { name: '`* ? [ ]`', scripts: ['glob'] },
  ],
  Redirections: [
    { name: '`> >> < <>`', scripts: ['redirect'] },
    {
      name: '`>[2] >[2=1] >[2=]`',
      scripts: [
        'redirect-fd',
        'redirect-close',
        'redirect-dup',
        'redirect-swap',
        'redirect-numbers',
        'redirect-order',
        'syntax-dup',
      ],
    },
    { name: '`<<`', scripts: ['here'] },
  ],
  Commands: [
    { name: '`| |[2] |[2=3]`, `$status` of pipelines', scripts: ['pipeline'] },
    { name: '`&& ||`', scripts: ['and-or'] },
    { name: '`!`', scripts: ['bang'] },
    { name: '`@`', scripts: ['at', 'subshell'] },
    { name: '`if`, `if not`', scripts: ['if'] },
    { name: '`for`', scripts: ['for'] },
    { name: '`while`', scripts: ['while'] },
    { name: '`switch`', scripts: ['switch', 'case'] },
    { name: '`~`', scripts: ['match'] },
    { name: '`fn`', scripts: ['fn'] },
    { name: '`x=a`', scripts: ['assign'] },
    { name: '`x=a command`', scripts: ['local'] },
    {
      name: '`fn sigint`, `sighup`, `sigalrm`, `sigterm`, `sigexit`',
      scripts: ['sigexit'],
      tests: 'notes, interactive',
      differs:
        'sigexit is called at the end of a script too, as the manual says; 9front’s rc has left its stack by then, and does not call it. An rc that a note ends has the note for its status when that would be success.',
    },
  ],
  'Built-in commands': [
    { name: '`.`', scripts: ['dot'] },
    { name: '`builtin`', scripts: ['builtin'] },
    { name: '`cd`, `$cdpath`', scripts: ['cd', 'cdpath'] },
    { name: '`eval`', scripts: ['eval'] },
    { name: '`exec`', scripts: ['exec'] },
    { name: '`exit`', scripts: ['exit'], tests: 'interactive' },
    { name: '`finit`, functions in /env', scripts: ['env'] },
    { name: '`flag`', scripts: ['flag'] },
    { name: '`rfork`', scripts: ['rfork'] },
    { name: '`newpgrp`', scripts: ['newpgrp'], differs: '9front has it no more; it is `rfork`.' },
    { name: '`shift`', scripts: ['shift'] },
    { name: '`wait`', scripts: ['wait'] },
    {
      name: '`whatis`',
      scripts: ['whatis'],
      differs:
        'A redirection is printed behind its command: before it, where 9front has it, `a >x | b` would come back as `>x {a | b}`.',
    },
  ],
  Variables: [
    { name: '`$path`', scripts: ['path', 'local-path'] },
    { name: '`$status`', scripts: ['status'] },
    { name: '`$pid $apid $prompt $ifs $home`, the environment', scripts: ['variables'], tests: 'notes' },
    { name: '`$user $service $cputype $objtype`', scripts: [], tests: 'notes' },
  ],
  Invocation: [
    { name: '`-b -c -d -e -i -I -l -m -p -s -v -V -x`, arguments', scripts: ['rc'], tests: 'notes, interactive' },
    { name: '`-r`', scripts: [], tests: 'notes', differs: 'It prints commands, for there are no instructions.' },
  ],
  Errors: [
    {
      name: 'of syntax, with file and line',
      scripts: ['syntax'],
      differs: 'Of a redirection that it names, the first digit after `[` is there once, and not twice.',
    },
    {
      name: 'of execution, with file and line',
      scripts: ['error', 'not-found', 'empty-arglist'],
      differs:
        'An error is of its own line; after a body of several lines that was run in another process, or not at all, 9front’s may be of a line before.',
    },
    {
      name: 'at a console',
      scripts: [],
      tests: 'interactive',
      differs: 'For a command that other systems have the console shows a hint, unless comfort is off: cons(3).',
    },
  ],
  Programs: [{ name: 'what scripts do', scripts: ['idiom'] }],
}

/** @throws Error when there is none for a script */
function constructOf(script: string): Construct {
  let best: Construct | undefined
  let length = 0
  for (const c of Object.values(sections).flat())
    for (const s of c.scripts)
      if (s.length > length && (script === s || script.startsWith(`${s}-`))) {
        best = c
        length = s.length
      }
  if (!best) throw new Error(`${script}.rc is of no construct in tests/rc/conformance.ts`)
  return best
}

/** The page, from what came of each script; `older` has the reasons why 9base's rc differs. */
export function report(
  scripts: readonly Script[],
  agrees: ReadonlyMap<string, boolean>,
  older: Record<string, string>,
): string {
  const of = new Map<Construct, string[]>()
  for (const s of scripts) {
    const c = constructOf(s.name)
    of.set(c, [...(of.get(c) ?? []), s.name])
  }
  const agreeing = scripts.filter(s => agrees.get(s.name)).length
  let page = `# rc: how it agrees with the real ones

Made by \`BLESS=1 npx vitest run tests/rc/9base.test.ts\`; the test fails when this page is not what a run makes.

${scripts.length} scripts in tests/rc are run by our rc and by 9base's (Debian's port of Plan 9's): standard output and
success must be the same. ${agreeing} are; for the others 9base is older than 9front, or its system is not Plan 9, and what
is expected is what 9front's rc does. That one, built on Linux, was run on them all by hand. tests/rc/9base-random.test.ts compares the two on 10,000 random programs;
tests/fuzz/rc.test.ts has the parser survive what is no program, and the printer print what reads back as the same.
`
  for (const [section, constructs] of Object.entries(sections)) {
    page += `\n## ${section}\n`
    for (const c of constructs) {
      const names = of.get(c) ?? []
      const differing = names.filter(n => !agrees.get(n))
      const agree = names.length - differing.length
      page += `\n### ${c.name}\n\n`
      if (names.length > 0) page += `${wrap(names.join(' '))}\n\n`
      if (c.tests)
        page += `- tests: ${c.tests
          .split(', ')
          .map(t => `tests/rc/${t}.test.ts`)
          .join(', ')}\n`
      if (names.length > 0)
        page += `- 9base: ${differing.length === 0 ? 'agrees' : `agrees in ${agree} of ${names.length}`}\n`
      for (const n of differing) page += `    - ${n}: it ${older[n] ?? 'is not known why'}\n`
      page += c.differs ? wrap(`- 9front: ${c.differs}`, '  ') : '- 9front: agrees'
      page += '\n'
    }
  }
  return page
}

function wrap(text: string, indent = ''): string {
  let out = ''
  let line = ''
  for (const w of text.split(' ')) {
    if (line.length + w.length >= 118) {
      out += `${line}\n`
      line = indent + w
    } else line += line === '' ? w : ` ${w}`
  }
  return out + line
}

/** The page as it is committed. */
export function committed(): string {
  return readFileSync(file, 'utf8')
}

export function commit(page: string): void {
  writeFileSync(file, page)
}
