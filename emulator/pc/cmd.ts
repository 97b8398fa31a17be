import { DMDIR, OREAD, OTRUNC, OWRITE } from '../../plan9/9p/const.ts'
import type { ByteStream } from '../../plan9/9p/framer.ts'
import { Eisdir, PlanError } from '../../plan9/error.ts'
import { MREPL, type Program, RFFDG, RFNOTEG, RFNOWAIT, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { orNote } from '../../plan9/libc/abort.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { hosts } from '../../plan9/libc/hosts.ts'
import { isurl } from '../../plan9/libc/http.ts'
import { startsrv } from '../../plan9/libc/postsrv.ts'
import { relay } from '../../plan9/libc/relay.ts'
import { attempt, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { cached } from '../disk/blocks.ts'
import { sysdisk } from '../disk/sysdisk.ts'
import { Ranged } from '../image/ranged.ts'
import { type Files, type Image, PcMachine, pcSrv } from './fs.ts'
import { imageCache, pcWorker } from './programs.ts'

/** A descriptor that no other has. */
const HIGH = 90

function pcFiles(sys: Sys): Files {
  return {
    async open(name) {
      if (isurl(name)) return web(sys, name)
      const fd = await sys.open(name, OREAD)
      try {
        const { length, mode } = await sys.fstat(fd)
        if (mode & DMDIR) throw new PlanError(Eisdir)
        const blocks = cached(sysdisk(sys, fd, Number(length)))
        return { size: blocks.size, read: blocks.read, close: async () => void (await attempt(sys.close(fd))) }
      } catch (e) {
        await sys.close(fd)
        throw e
      }
    },
    async write(name, bytes) {
      const fd = await sys.create(name, OWRITE | OTRUNC, 0o664)
      try {
        await write(sys, fd, bytes)
      } finally {
        await sys.close(fd)
      }
    },
  }
}

/** An image on the web, read by ranges as it is needed; what was read is kept where the host can. @throws PlanError */
async function web(sys: Sys, url: string): Promise<Image> {
  // A cache that another has open, or for which there is no room, is done without.
  const cache = await imageCache.open?.(url).catch(() => undefined)
  try {
    return await orNote(sys, Ranged.open(url, cache ? { cache } : {}))
  } catch (e) {
    await cache?.close()
    throw e
  }
}

/** The guest has called: it gets the name space of pc's process, by exportfs(4). */
async function serveNamespace(sys: Sys, c: ByteStream): Promise<void> {
  const [mine, theirs] = await sys.pipe()
  const flags = RFPROC | RFFDG | RFNOTEG | RFNOWAIT
  await sys.rfork(flags, async child => {
    // Either may be 0 or 1: the server has closed those.
    const fd = await child.dup(theirs, HIGH)
    for (const old of [mine, theirs]) await child.close(old)
    for (const std of [0, 1]) await child.dup(fd, std)
    await child.close(fd)
    return child.exec('/bin/exportfs', ['exportfs', '-r', '/'])
  })
  await sys.rfork(flags, async child => {
    await child.close(theirs)
    await relay(child, mine, c)
    return ''
  })
  for (const fd of [mine, theirs]) await sys.close(fd)
}

/** pc(4). */
const pc: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-e] [-s srvname] [-m mtpt] [-n sysname]`
  let srvname = 'pc'
  let mtpt: string | undefined
  let name = 'guest'
  let exported = false
  for (const c of arg) {
    if (c === 'e') exported = true
    else if (c === 's') srvname = arg.argf() ?? (await usage(sys, help))
    else if (c === 'm') mtpt = arg.argf() ?? (await usage(sys, help))
    else if (c === 'n') name = arg.argf() ?? (await usage(sys, help))
    else await usage(sys, help)
  }
  if (arg.argv.length > 0) await usage(sys, help)
  const worker = pcWorker.make
  if (!worker) return sysfatal(sys, arg.argv0, 'no PC can be had here')
  if (hosts.has(name)) return sysfatal(sys, arg.argv0, `there is a host ${name}`)
  let fd: number
  try {
    ;({ fd } = await startsrv(
      sys,
      srvname,
      child => {
        const machine = new PcMachine(
          pcFiles(child),
          worker,
          exported ? (_port, c) => void serveNamespace(child, c).catch(() => c.close()) : undefined,
        )
        hosts.set(name, (port, signal) => machine.dial(port, signal))
        return {
          ...pcSrv(machine, child.user),
          end() {
            hosts.delete(name)
            machine.close()
          },
        }
      },
      { name: `pc.${srvname}` },
    ))
  } catch (e) {
    return sysfatal(sys, arg.argv0, `/srv/${srvname}: ${r(e)}`)
  }
  if (mtpt === undefined) return ''
  try {
    await sys.mount(fd, -1, mtpt, MREPL, '')
  } catch (e) {
    return sysfatal(sys, arg.argv0, `mount ${mtpt}: ${r(e)}`)
  }
  return ''
}
export default pc
