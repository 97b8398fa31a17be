import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bout, readfile } from '../../plan9/libc/bio.ts'
import { dirreadall } from '../../plan9/libc/dirread.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { tokenize } from '../../plan9/libc/quote.ts'
import { strcmp, text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'

/** A line of /proc/n/status, proc(3). Times are in milliseconds. */
export interface Status {
  pid: string
  text: string
  user: string
  state: string
  utime: number
  stime: number
  rtime: number
  /** Kilobytes. */
  size: number
  basepri: string
  pri: string
}

/** The processes under /proc, by number. One that ends meanwhile is left out. @throws PlanError without /proc */
export async function processes(sys: Sys): Promise<Status[]> {
  const fd = await sys.open('/proc', OREAD)
  const all = await dirreadall(sys, fd)
  await sys.close(fd)
  const names = all.map(d => d.name).sort((a, b) => atoi(a) - atoi(b) || strcmp(a, b))
  const out: Status[] = []
  for (const pid of names) {
    const b = await attempt(readfile(sys, `/proc/${pid}/status`))
    const f = b === undefined ? [] : tokenize(text(b))
    if (f.length < 12) continue
    out.push({
      pid,
      text: f[0]!,
      user: f[1]!,
      state: f[2]!,
      utime: atoi(f[3]!),
      stime: atoi(f[4]!),
      rtime: atoi(f[5]!),
      size: atoi(f[9]!),
      basepri: f[10]!,
      pri: f[11]!,
    })
  }
  return out
}

const two = (n: number) => String(n).padStart(2, '0')

/** Minutes and seconds; hours and days in front of them when there are any. */
function realtime(ms: number): string {
  const t = Math.floor(ms / 1000)
  const [d, h, m] = [Math.floor(t / 86400), Math.floor(t / 3600) % 24, Math.floor(t / 60)]
  if (t >= 86400) return ` ${d}:${two(h)}:${two(m % 60)}:${two(t % 60)}`
  if (t >= 3600) return ` ${h}:${two(m % 60)}:${two(t % 60)}`
  return ` ${m}:${two(t % 60)}`
}

const ps: Program = async (sys, argv) => {
  const flags = new Set(new Arg(argv))
  let all: Status[]
  try {
    all = await processes(sys)
  } catch (e) {
    await eprint(sys, `ps: /proc: error: ${r(e)}\n`)
    return '/proc'
  }
  if (all.length === 0) {
    await eprint(sys, 'ps: empty directory /proc\n')
    return 'empty'
  }
  const out = new Bout(sys, 1)
  for (const p of all) {
    const time = (ms: number, w: number) => {
      const s = Math.floor(ms / 1000)
      return `${String(Math.floor(s / 60)).padStart(w)}:${two(s % 60)}`
    }
    let line = `${p.user.padEnd(10)} ${p.pid.padStart(8)}`
    if (flags.has('n')) {
      const id = await attempt(readfile(sys, `/proc/${p.pid}/noteid`))
      line += id === undefined ? ` ${'?'.padStart(8)}` : ` ${String(atoi(text(id))).padStart(7)}`
    }
    if (flags.has('r')) line += realtime(p.rtime).padStart(12)
    line += ` ${time(p.utime, 4)} ${time(p.stime, 3)} `
    if (flags.has('p')) line += ` ${p.basepri.padStart(2)} ${p.pri.padStart(2)}`
    line += ` ${String(p.size).padStart(7)}K ${p.state.slice(0, 8).padEnd(8)} `
    if (flags.has('a')) {
      const args = await attempt(readfile(sys, `/proc/${p.pid}/args`))
      line +=
        args === undefined
          ? `${p.text} ?`
          : args.length === 0
            ? p.text
            : text(args).replace(/\n$/, '').replaceAll('\n', ' ')
    } else line += p.text
    await out.write(`${line}\n`)
  }
  await out.flush()
  return ''
}
export default ps
