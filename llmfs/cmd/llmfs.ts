import { ORDWR } from '../../plan9/9p/const.ts'
import { convM2S } from '../../plan9/9p/fcall.ts'
import { serve } from '../../plan9/9p/server.ts'
import { tap } from '../../plan9/9p/tap.ts'
import { MREPL, type Program, type Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { postsrv } from '../../plan9/libc/postsrv.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { parseThreads } from '../ctl.ts'
import { Llmfs } from '../fs.ts'
import { announce } from '../host.ts'
import { processFiles } from './file.ts'

/** Prints the 9P of the connections called `name` on the process's fd 2. Returns what ends it. */
async function trace(sys: Sys, name: string): Promise<() => void> {
  const { fcallfmt } = await import('../../plan9/9p/fmt.ts')
  const before = tap.see
  tap.see = (conn, sent, msg) => {
    before?.(conn, sent, msg)
    if (conn === name) sys.write(2, `${sent ? '->' : '<-'} ${fcallfmt(convM2S(msg))}\n`).catch(() => {})
  }
  return () => {
    tap.see = before
  }
}

/** llmfs(4). */
const llmfs: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-Df] [-s srvname] [-m mtpt] [-a addr] [-j threads]`
  let srvname = 'llm'
  let mtpt: string | undefined
  let addr: string | undefined
  let threads: number | undefined
  let debug = false
  let fast = false
  for (const c of arg) {
    if (c === 'D') debug = true
    else if (c === 'f') fast = true
    else if (c === 's') srvname = arg.argf() ?? (await usage(sys, help))
    else if (c === 'm') mtpt = arg.argf() ?? (await usage(sys, help))
    else if (c === 'a') addr = arg.argf() ?? (await usage(sys, help))
    else if (c === 'j') {
      const word = arg.argf() ?? (await usage(sys, help))
      try {
        threads = parseThreads(word)
      } catch (e) {
        return sysfatal(sys, arg.argv0, `-j ${word}: ${r(e)}`)
      }
    } else await usage(sys, help)
  }
  if (arg.argv.length > 0) await usage(sys, help)

  let fs: Llmfs | undefined
  const name = `llmfs.${srvname}`
  let listener: { close(): void } | undefined
  try {
    if (addr !== undefined)
      listener = await announce(addr, t => {
        if (fs) serve(t, fs.srv, { name })
        else t.close()
      })
  } catch (e) {
    return sysfatal(sys, arg.argv0, r(e))
  }
  try {
    await postsrv(
      sys,
      srvname,
      async child => {
        const served = new Llmfs({
          files: processFiles(child),
          user: child.user,
          fast,
          threads,
        })
        const untrace = debug ? await trace(child, name) : undefined
        fs = served
        return {
          ...served.srv,
          end: () => {
            untrace?.()
            listener?.close()
            served.close()
          },
        }
      },
      { perm: 0o600, name },
    )
  } catch (e) {
    listener?.close()
    return sysfatal(sys, arg.argv0, `/srv/${srvname}: ${r(e)}`)
  }
  if (mtpt === undefined) return ''
  try {
    await sys.mount(await sys.open(`/srv/${srvname}`, ORDWR), -1, mtpt, MREPL, '')
  } catch (e) {
    return sysfatal(sys, arg.argv0, `mount ${mtpt}: ${r(e)}`)
  }
  return ''
}
export default llmfs
