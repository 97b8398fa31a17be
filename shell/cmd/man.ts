import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Bout, readfile } from '../../plan9/libc/bio.ts'
import { dirreadall, dirstat, isdir } from '../../plan9/libc/dirread.ts'
import { getenv } from '../../plan9/libc/env.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { RegexpError, regcomp, regexec } from '../../plan9/libc/regexp.ts'
import { strcmp, stringtorunes, text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { format, pageof } from './man/man.ts'

const root = '/sys/man'

/** The chapters there are, in order. */
async function sections(sys: Sys): Promise<string[]> {
  const fd = await attempt(sys.open(root, OREAD))
  if (fd === undefined) return []
  const all = await dirreadall(sys, fd)
  await sys.close(fd)
  return all
    .filter(d => isdir(d) && /^\d/.test(d.name))
    .map(d => d.name)
    .sort(strcmp)
}

/** What a title of an INDEX must match: Plan 9's asks grep. */
function pattern(titles: string[]): (title: string) => boolean {
  try {
    const re = regcomp(`^(${titles.join('|')}) `)
    return title => regexec(re, stringtorunes(`${title} `)) !== undefined
  } catch (e) {
    if (!(e instanceof RegexpError)) throw e
    return title => titles.includes(title)
  }
}

/** Pages of a chapter that its INDEX, lines of `title file`, gives for a title. */
async function indexed(sys: Sys, section: string, titled: (title: string) => boolean): Promise<string[]> {
  const b = await attempt(readfile(sys, `${root}/${section}/INDEX`))
  if (b === undefined) return []
  const files = new Set<string>()
  for (const line of text(b).split('\n')) {
    const [title, file] = line.split(' ')
    if (file !== undefined && titled(title!.toLowerCase())) files.add(file)
  }
  return [...files].sort(strcmp)
}

const man: Program = async (sys, argv) => {
  const args = argv.slice(1)
  let cmd = 'n'
  let search = true
  let sec: string[] = []
  for (; args[0] !== undefined; args.shift()) {
    const a = args[0]
    const d = a.includes('/') ? undefined : await dirstat(sys, `${root}/${a}`)
    if (d !== undefined && isdir(d)) sec.push(a)
    else if (/^-[bnpPtw]$/.test(a)) cmd = a[1]!
    else if (a === '-S') search = false
    else break
  }
  if (args.length === 0) {
    await eprint(sys, 'usage: man [-bntpPSw] [0-9] [0-9] ... name1 name2 ...\n')
    return 'usage'
  }
  if (sec.length === 0) sec = await sections(sys)
  const titles = args.map(a => a.toLowerCase())
  const titled = pattern(titles)
  const files: string[] = []
  if (search) for (const s of sec) files.push(...(await indexed(sys, s, titled)).map(f => `${root}/${s}/${f}`))
  if (files.length === 0)
    for (const t of titles)
      for (const s of sec) {
        // An intro stands first in its chapter's directory.
        for (const name of t === 'intro' ? ['0intro', 'intro'] : [t]) {
          const file = `${root}/${s}/${name}`
          const d = t.includes('/') ? undefined : await dirstat(sys, file)
          if (d !== undefined && !isdir(d)) files.push(file)
        }
      }
  if (files.length === 0) {
    await eprint(sys, 'man: no manual page\n')
    return 'no man'
  }
  const columns = atoi((await getenv(sys, 'COLUMNS')) ?? '') || 80
  const out = new Bout(sys, 1)
  for (const file of files) {
    if (cmd === 'w') {
      await out.write(`${file}\n`)
      continue
    }
    try {
      await out.write(format(text(await readfile(sys, file)), pageof(columns)))
    } catch (e) {
      r(e)
      await eprint(sys, `need ${file}\n`)
    }
    await out.write('\n')
  }
  await out.flush()
  return ''
}
export default man
