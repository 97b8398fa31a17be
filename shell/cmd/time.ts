import { Eintr, PlanError } from '../../plan9/error.ts'
import { type Program, RFFDG, RFPROC, type Sys, type Waitmsg } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

/** Words of the command that are shown. */
const SHOWN = 5

async function run(sys: Sys, argv: string[]): Promise<string> {
  const name = argv[0]!
  let err = ''
  for (const file of /^(\/|\.\.?\/)/.test(name) ? [name] : [name, `/bin/${name}`])
    try {
      await sys.exec(file, argv)
    } catch (e) {
      err = r(e)
    }
  await eprint(sys, `time: ${name}: ${err}\n`)
  return name
}

/** The child's end; an interrupt is for the child. */
async function wait(sys: Sys): Promise<Waitmsg> {
  for (;;)
    try {
      return await sys.wait()
    } catch (e) {
      if (!(e instanceof PlanError) || e.message !== Eintr) throw e
    }
}

const seconds = (ms: number) => `${Math.trunc(ms / 1000)}.${String(Math.trunc((ms % 1000) / 10)).padStart(2, '0')}`

const time: Program = async (sys, argv) => {
  const command = argv.slice(1)
  if (command.length === 0) await usage(sys, 'usage: time command')
  await sys.rfork(RFPROC | RFFDG, child => run(child, command))
  sys.notify(note => note === 'interrupt')
  const { time, msg } = await wait(sys)
  const [u, s, real] = time.map(seconds)
  const words = command.length > SHOWN ? [...command.slice(0, SHOWN), '...'] : command
  const status = msg === '' ? [] : [`# status=${/:([\s\S]+)/.exec(msg)?.[1] ?? msg}`]
  await eprint(sys, `${[`${u}u`, `${s}s`, `${real}r`, '\t', ...words, ...status].join(' ')}\n`)
  return msg
}
export default time
