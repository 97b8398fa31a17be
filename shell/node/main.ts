import { existsSync } from 'node:fs'
import { isAbsolute, parse } from 'node:path'
import process from 'node:process'
import { setAnnounce, setEngineWorker } from '../../llmfs/host.ts'
import { llmPrograms } from '../../llmfs/programs.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport, type Transport } from '../../plan9/9p/transport.ts'
import { PlanError } from '../../plan9/error.ts'
import { type ConsDriver, PNGROUP } from '../../plan9/kernel/sys.ts'
import { type BootOptions, boot } from '../boot.ts'
import { setDial } from '../cmd/dial.ts'
import { engineWorker } from './engineworker.ts'
import { hostcwd, hostfs } from './hostfs.ts'
import { fillRoot } from './root.ts'
import { StdioCons } from './stdio.ts'
import { announce, dial } from './tcp.ts'
import { terminal } from './terminal.ts'

const usage = `usage: 9ml [-eilprsvxI] [-c commands] [script [arg ...]]
An rc in an emulated Plan 9; the host's files are at /n/host. Without -c or a script: interactive on a terminal,
otherwise commands from standard input.
`

/** The host's file systems as one service; /n/host is its root. */
function hostService(root: string): Transport {
  const [client, server] = pipeTransport()
  serve(server, hostfs(root), { name: 'host' })
  return client
}

/**
 * rc's arguments, with a script that the host has at the path given, absolute, named as it is inside. A relative path
 * needs nothing: the first directory is the host's.
 */
function hostScript(args: string[]): string[] {
  let i = 0
  while (i < args.length && /^-./.test(args[i]!)) i += /[cm]$/.test(args[i]!) ? 2 : 1
  const script = args[i]
  if (script === undefined || args.some((a, at) => at < i && /^-.*c/.test(a))) return args
  if (!isAbsolute(script) || !existsSync(script)) return args
  return args.with(i, `/n/host/${script.slice(parse(script).root.length).replaceAll('\\', '/')}`)
}

async function main(args: string[]): Promise<number> {
  if (args[0] === '-h' || args[0] === '--help') {
    process.stdout.write(usage)
    return 0
  }
  setEngineWorker(engineWorker)
  setDial(dial)
  setAnnounce(announce)

  const cwd = await hostcwd()
  const { root } = parse(cwd)
  const dir = `/n/host/${cwd.slice(root.length).replaceAll('\\', '/')}`
  const interactive = args.length === 0 && process.stdin.isTTY === true && process.stdout.isTTY === true

  const options = (cons: ConsDriver[]): BootOptions => ({
    fill: fillRoot,
    programs: llmPrograms,
    services: { host: hostService(root) },
    cons,
    memory: () => ({ used: process.memoryUsage().rss, total: process.memoryUsage().rss }),
  })
  if (interactive) return terminal(options, dir)

  // Nobody reads what is written: as a pipe's writer on the host would, stop without a word.
  const gone = (err: NodeJS.ErrnoException) => process.exit(err.code === 'EPIPE' ? 0 : 1)
  const cons = [new StdioCons(process.stdin, process.stdout, gone), new StdioCons(undefined, process.stderr, gone)]
  const { kernel } = boot(options(cons))
  const { pid, exited } = await kernel.start({
    argv: ['rc', ...hostScript(args)],
    cons: 0,
    dir,
    fds: ['#c0/cons', '#c0/cons', '#c1/cons'],
  })
  for (const [signal, note] of [
    ['SIGINT', 'interrupt'],
    ['SIGTERM', 'kill'],
    ['SIGHUP', 'hangup'],
  ] as const)
    process.on(signal, () => kernel.postnote(PNGROUP, pid, note))
  return (await exited) === '' ? 0 : 1
}

main(process.argv.slice(2)).then(
  // Whatever still runs ends with the machine.
  code => process.exit(code),
  err => {
    process.stderr.write(`9ml: ${err instanceof PlanError ? err.message : (err?.stack ?? err)}\n`)
    process.exit(1)
  },
)
