import { dosSrv, type Opened, openfat } from '../../emulator/disk/dossrv.ts'
import { sysdisk } from '../../emulator/disk/sysdisk.ts'
import { ORDWR, OREAD } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { Enonexist, Eperm, PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { chatty } from '../../plan9/libc/chatty.ts'
import { fdTransport, postsrv } from '../../plan9/libc/postsrv.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const refused = (e: unknown, why: string) => e instanceof PlanError && e.message.includes(why)

/** Opens a file, to be written where that is allowed. */
async function device(sys: Sys, name: string, readonly: boolean): Promise<{ fd: number; readonly: boolean }> {
  if (!readonly)
    try {
      return { fd: await sys.open(name, ORDWR), readonly }
    } catch (e) {
      if (!refused(e, Eperm)) throw e
    }
  return { fd: await sys.open(name, OREAD), readonly: true }
}

/** `file`, or `file:part` where no file is called so. */
async function image(sys: Sys, spec: string, readonly: boolean): Promise<Opened> {
  let part = ''
  const colon = spec.lastIndexOf(':')
  const dev = await device(sys, spec, readonly).catch(e => {
    if (colon < 0 || !refused(e, Enonexist)) throw e
    part = spec.slice(colon + 1)
    return device(sys, spec.slice(0, colon), readonly)
  })
  const close = () => sys.close(dev.fd)
  try {
    const { length } = await sys.fstat(dev.fd)
    return { fat: await openfat(sysdisk(sys, dev.fd, Number(length)), part, dev), close }
  } catch (e) {
    await close()
    throw e
  }
}

/** dossrv(4). */
const dossrv: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-rsv] [-f file] [service]`
  let file = ''
  let stdio = false
  let readonly = false
  let verbose = false
  for (const c of arg)
    if (c === 'r') readonly = true
    else if (c === 's') stdio = true
    else if (c === 'v') verbose = true
    else if (c === 'f') file = arg.argf() ?? (await usage(sys, help))
    else await usage(sys, help)
  if (arg.argv.length > 1) await usage(sys, help)
  const service = arg.argv[0] ?? 'dos'
  const server = (s: Sys) =>
    dosSrv(async spec => {
      const name = spec === '' ? file : spec
      if (name === '') throw new PlanError('no file system device specified')
      return image(s, name, readonly)
    })
  if (stdio) {
    const t = fdTransport(sys, 0, 1)
    await serve(verbose ? chatty(sys, t) : t, server(sys)).closed
    return ''
  }
  try {
    await postsrv(sys, service, server, { perm: 0o666, name: service, chatty: verbose })
  } catch (e) {
    return sysfatal(sys, arg.argv0, `/srv/${service}: ${r(e)}`)
  }
  return ''
}
export default dossrv
