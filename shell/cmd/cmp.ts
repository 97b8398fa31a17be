import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bin, Bout, write } from '../../plan9/libc/bio.ts'
import { strtol } from '../../plan9/libc/fmt.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

async function usage(sys: Sys): Promise<never> {
  await write(sys, 1, 'usage: cmp [-lLs] file1 file2 [offset1 [offset2] ]\n')
  return sys.exits('usage')
}

const cmp: Program = async (sys, argv) => {
  const flags = new Set<string>()
  const arg = new Arg(argv)
  for (const c of arg) {
    if (!'slL'.includes(c)) await usage(sys)
    flags.add(c)
  }
  if (arg.argv.length < 2 || arg.argv.length > 4) await usage(sys)
  const names = arg.argv.slice(0, 2) as [string, string]
  const fds: number[] = []
  for (const name of names) {
    try {
      fds.push(await sys.open(name, OREAD))
    } catch (e) {
      const err = r(e)
      if (!flags.has('s')) await eprint(sys, `${name}: ${err}\n`)
      return 'open'
    }
  }
  for (const [i, off] of arg.argv.slice(2).entries()) {
    if (!/^\d/.test(off)) await usage(sys)
    const { value } = strtol(off)
    try {
      await sys.seek(fds[i]!, value, 0)
    } catch (e) {
      const err = r(e)
      if (!flags.has('s')) await eprint(sys, `cmp: ${names[i]}: seek by ${value}: ${err}\n`)
      return 'seek'
    }
  }
  const bins = fds.map(fd => new Bin(sys, fd)) as [Bin, Bin]
  const out = new Bout(sys, 1)
  let nc = 1
  let line = 1
  const rest: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)]
  for (;;) {
    for (const i of [0, 1] as const) {
      if (rest[i].length > 0) continue
      try {
        rest[i] = await bins[i].chunk()
      } catch (e) {
        r(e)
        if (!flags.has('s')) await out.write(`error on ${names[i]} after ${nc - 1} bytes\n`)
        await out.flush()
        return 'read error'
      }
    }
    const [p, q] = rest
    const n = Math.min(p.length, q.length)
    if (n === 0) break
    for (let i = 0; i < n; i++) {
      if (p[i] === 10) line++
      if (p[i] === q[i]) continue
      if (flags.has('s')) return 'differ'
      if (!flags.has('l')) {
        const l = flags.has('L') ? ` line ${line}` : ''
        await write(sys, 1, `${names[0]} ${names[1]} differ: char ${nc + i}${l}\n`)
        return 'differ'
      }
      const hex = (c: number) => `0x${c.toString(16).padStart(2, '0')}`
      await out.write(`${String(nc + i).padStart(6)} ${hex(p[i]!)} ${hex(q[i]!)}\n`)
    }
    nc += n
    rest[0] = p.subarray(n)
    rest[1] = q.subarray(n)
  }
  if (rest[0].length !== rest[1].length && !flags.has('s'))
    await out.write(`EOF on ${rest[0].length > 0 ? names[1] : names[0]} after ${nc - 1} bytes\n`)
  await out.flush()
  return rest[0].length === rest[1].length ? '' : 'EOF'
}
export default cmp
