import { OREAD } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { tokenize } from '../../plan9/libc/quote.ts'
import { text } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: ns [-r] [pid]'

const quote = (s: string) => (/[ '\\\t#$]/.test(s) ? `'${s.replaceAll("'", "''")}'` : s)

const ns: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  for (const c of arg) if (c !== 'r') await usage(sys, help)
  if (arg.argv.length > 1) await usage(sys, help)
  const pid = arg.argv[0] === undefined ? sys.pid : atoi(arg.argv[0])
  if (pid === 0) await usage(sys, help)
  const name = `/proc/${pid}/ns`
  let fd: number
  try {
    fd = await sys.open(name, OREAD)
  } catch (e) {
    await eprint(sys, `ns: open ${name}: ${r(e)}\n`)
    return 'open ns'
  }
  const b = new Bin(sys, fd)
  const out = new Bout(sys, 1)
  for (let n = 1; ; n++) {
    let line: Uint8Array | undefined
    try {
      line = await b.rdline()
    } catch (e) {
      await eprint(sys, `ns: read ${r(e)}\n`)
      return 'read ns'
    }
    if (line === undefined) break
    const f = tokenize(text(line), 5)
    if (f[0] === 'cd' && f.length === 2) {
      await out.write(`cd ${quote(f[1]!)}\n`)
      continue
    }
    if (f.length < 3) {
      await eprint(sys, `ns: unrecognized format of ns file: ${f.length} elements on line ${n}\n`)
      return 'format'
    }
    const cmd = f.shift()!
    const flag = f.length > 2 && f[0]!.startsWith('-') ? f.shift()! : ''
    await out.write(`${[cmd, flag, quote(f[0]!), quote(f[1]!), quote(f[2] ?? '')].join(' ')}\n`)
  }
  await out.flush()
  return ''
}
export default ns
