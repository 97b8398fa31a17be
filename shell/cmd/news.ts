import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { dirreadall, dirstat } from '../../plan9/libc/dirread.ts'
import { getenv } from '../../plan9/libc/env.ts'
import { strcmp } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { CTIME, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'

const dir = '/lib/news'
const ignored = ['core', 'dead.letter']

/** The names of the items, latest first; without `all` those since the time of reading, which `update` makes now. */
async function items(sys: Sys, all: boolean, update: boolean): Promise<string[]> {
  const home = await getenv(sys, 'home')
  let since = Number.NEGATIVE_INFINITY
  if (home !== undefined) {
    const file = `${home}/lib/newstime`
    const read = await dirstat(sys, file)
    if (read !== undefined && !all) since = read.mtime
    if (update) {
      const fd = await attempt(sys.create(file, OWRITE, 0o644))
      if (fd !== undefined) await sys.close(fd)
    }
  }
  const fd = await sys.open(dir, OREAD)
  const found = await dirreadall(sys, fd)
  await sys.close(fd)
  return found
    .filter(d => d.mtime >= since && d.length > 0n && !ignored.includes(d.name))
    .sort((a, b) => b.mtime - a.mtime || strcmp(a.name, b.name))
    .map(d => d.name)
}

/** A heading, and the item indented, its runs of empty lines made one. */
async function print(sys: Sys, out: Bout, name: string): Promise<void> {
  const file = `${dir}/${name}`
  const fd = await attempt(sys.open(file, OREAD), err => eprint(sys, `news: ${file}: ${err}\n`))
  if (fd === undefined) return
  const d = await sys.fstat(fd)
  const time = tmfmt(tmtime(d.mtime, await tzload(sys, 'local')), CTIME)
  await out.write(`\n${name} (${d.muid || d.uid}) ${time}\n\n`)
  const b = new Bin(sys, fd)
  let blank = true
  for (let line = await b.rdline(); line !== undefined; line = await b.rdline()) {
    const empty = line[0] === 0x0a
    if (!empty) {
      await out.write('\t')
      await out.write(line)
      if (line.at(-1) !== 0x0a) await out.write('\n')
    } else if (!blank) await out.write('\n')
    blank = empty
  }
  await sys.close(fd)
}

const news: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  let all = false
  let names = false
  for (const c of arg)
    if (c === 'a') all = true
    else if (c === 'n') names = true
    else {
      await eprint(sys, `news: bad option ${c}\n`)
      return 'usage'
    }
  const out = new Bout(sys, 1)
  if (arg.argv.length > 0) for (const name of arg.argv) await print(sys, out, name)
  else {
    let found: string[]
    try {
      found = await items(sys, all, !all && !names)
    } catch (e) {
      await eprint(sys, `news: ${dir}: ${r(e)}\n`)
      return dir
    }
    if (!names) for (const name of found) await print(sys, out, name)
    else if (found.length > 0) await out.write(`news: ${found.join(' ')}\n`)
  }
  await out.flush()
  return ''
}
export default news
