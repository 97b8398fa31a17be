import { OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bsize, readfile, write } from '../../plan9/libc/bio.ts'
import { text } from '../../plan9/libc/rune.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { compare, type Open } from '../compare/drive.ts'
import { format, parse, type Run, speeds, table, verdict } from '../compare/record.ts'

const help = `usage: compare [-alv] [-t temp] [-p topp] [-s seed] [-n steps] [-i prompt] [-e max] [-o file] tree tree ...
       compare [-lv] [-e max] -r file`

const opener =
  (sys: Sys): Open =>
  async (path, mode) => {
    const fd = await sys.open(path, mode)
    return {
      read: () => sys.read(fd, Bsize),
      write: s => write(sys, fd, s),
      close: () => sys.close(fd),
    }
  }

const cmd: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const bad = () => usage(sys, help)
  const settings = { prompt: '', temp: 0, topp: 0.9, seed: 1n, steps: 256 }
  const flags = { a: false, l: false, v: false }
  let tolerance = 0
  let from: string | undefined
  let to: string | undefined
  const value = async () => arg.argf() ?? (await bad())
  const number = async () => {
    const v = await value()
    const n = Number(v)
    return v.trim() === '' || !(n >= 0) ? bad() : n
  }
  for (const c of arg) {
    if (c === 'a' || c === 'l' || c === 'v') flags[c] = true
    else if (c === 't') settings.temp = await number()
    else if (c === 'p') settings.topp = await number()
    else if (c === 'n') settings.steps = await number()
    else if (c === 'e') tolerance = await number()
    else if (c === 's') {
      const v = await value()
      settings.seed = /^\d+$/.test(v) && BigInt(v) > 0n ? BigInt(v) : await bad()
    } else if (c === 'i') settings.prompt = await value()
    else if (c === 'r') from = await value()
    else if (c === 'o') to = await value()
    else await bad()
  }
  const trees = arg.argv
  if (from === undefined ? trees.length < 2 : trees.length > 0 || to !== undefined || flags.a) await bad()

  const stopped = new AbortController()
  try {
    let run: Run
    if (from !== undefined) {
      const file = text(await readfile(sys, from))
      try {
        run = parse(file)
      } catch (e) {
        throw new PlanError(`${from}: ${r(e)}`)
      }
    } else {
      sys.notify(note => {
        if (note !== 'interrupt') return false
        stopped.abort()
        return true
      })
      run = await compare(opener(sys), trees, settings, flags.a, { signal: stopped.signal })
    }
    if (to !== undefined) {
      const fd = await sys.create(to, OWRITE, 0o664)
      await write(sys, fd, format(run))
      await sys.close(fd)
    }
    if (flags.v) await write(sys, 1, table(run))
    if (flags.l)
      for (const [pos, deltas] of run.deltas)
        await write(sys, 1, `logits ${pos}\t${deltas.map(d => (d.same ? 'same' : d.max)).join('\t')}\n`)
    const { status, lines } = verdict(run, tolerance)
    for (const line of [...speeds(run), ...lines]) await write(sys, 1, `${line}\n`)
    return stopped.signal.aborted ? 'interrupted' : status
  } catch (e) {
    if (stopped.signal.aborted) return 'interrupted'
    return sysfatal(sys, arg.argv0, r(e))
  }
}
export default cmd
