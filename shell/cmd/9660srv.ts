import { cached } from '../../emulator/disk/blocks.ts'
import { Iso, type IsoOptions, isoSrv } from '../../emulator/disk/iso9660.ts'
import { sysdisk } from '../../emulator/disk/sysdisk.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { fdTransport, postsrv } from '../../plan9/libc/postsrv.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

async function image(sys: Sys, name: string, o: IsoOptions): Promise<Iso> {
  const fd = await sys.open(name, OREAD)
  try {
    const { length } = await sys.fstat(fd)
    return await Iso.open(cached(sysdisk(sys, fd, Number(length))), o)
  } catch (e) {
    await sys.close(fd)
    throw e
  }
}

/** 9660srv(4). */
const iso9660srv: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-9Jsv] [-c clusters] [-f file] [service]`
  const o: IsoOptions = {}
  let file = ''
  let stdio = false
  for (const c of arg)
    if (c === '9') o.noplan9 = true
    else if (c === 'J') o.nojoliet = true
    else if (c === 's') stdio = true
    else if (c === 'f') file = arg.argf() ?? (await usage(sys, help))
    else if (c === 'c') arg.argf() ?? (await usage(sys, help))
    else if (c !== 'v') await usage(sys, help)
  if (arg.argv.length > 1) await usage(sys, help)
  const service = arg.argv[0] ?? '9660'
  const server = (s: Sys) =>
    isoSrv(spec => {
      const name = spec === '' ? file : spec
      if (name === '') throw new PlanError('no file system device specified')
      return image(s, name, o)
    })
  if (stdio) {
    await serve(fdTransport(sys, 0, 1), server(sys)).closed
    return ''
  }
  try {
    await postsrv(sys, service, server, { perm: 0o666, name: service })
  } catch (e) {
    return sysfatal(sys, arg.argv0, `/srv/${service}: ${r(e)}`)
  }
  return ''
}
export default iso9660srv
