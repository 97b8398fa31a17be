import { existsSync } from 'node:fs'
import { isAbsolute, parse } from 'node:path'
import process from 'node:process'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { pcPrograms, setPcWorker } from '../../emulator/pc/programs.ts'
import { setAnnounce, setEngineWorker } from '../../llmfs/host.ts'
import { llmPrograms } from '../../llmfs/programs.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport, type Transport } from '../../plan9/9p/transport.ts'
import { PlanError } from '../../plan9/error.ts'
import { type ConsDriver, PNGROUP } from '../../plan9/kernel/sys.ts'
import { type BootOptions, boot } from '../boot.ts'
import { setDial } from '../cmd/dial.ts'
import { cpuWorker } from './cpuworker.ts'
import { engineWorker } from './engineworker.ts'
import { hostcwd, hostfs } from './hostfs.ts'
import { pcWorker } from './pcworker.ts'
import { fillRoot } from './root.ts'
import { StdioCons } from './stdio.ts'
import { announce, dialStream } from './tcp.ts'
import { terminal } from './terminal.ts'

const usage = `usage: 9ml [-eilprsvxI] [-c commands] [script [arg ...]]
       9ml guest build iso [dir]
       9ml disk make|ls|cp|rm|check|parts ...
       9ml image fetch|ls|info ...
       9ml vm start|save|stop|console|status ...
An rc in an emulated Plan 9; the host's files are at /n/host. Without -c or a script: interactive on a terminal,
otherwise commands from standard input.
`

/** The host's file systems as one service; /n/host is its root. */
function hostService(root: string): Transport {
  const [client, server] = pipeTransport()
  serve(server, hostfs(root), { name: 'host' })
  return client
}

interface CommandLine {
  /** For rc; a script that the host has at an absolute path is named as it is inside. */
  args: string[]
  /** Neither -c nor a script: rc reads commands from its standard input. */
  reads: boolean
}

function commandLine(args: string[]): CommandLine {
  let i = 0
  let reads = true
  for (; i < args.length && /^-./.test(args[i]!) && reads; i++) {
    if (args[i] === '--') continue
    const value = /[cm]/.exec(args[i]!)
    if (value?.[0] === 'c') reads = false
    // The value of the flag is the rest of its argument, or the next one.
    if (value?.index === args[i]!.length - 1) i++
  }
  const script = args[i]
  if (!reads || script === undefined) return { args, reads }
  return { args: isAbsolute(script) && existsSync(script) ? args.with(i, inside(script)) : args, reads: false }
}

/** The name inside of a file of the host's. */
function inside(name: string): string {
  return isAbsolute(name) ? `/n/host/${name.slice(parse(name).root.length).replaceAll('\\', '/')}` : name
}

/** `9ml NAME ...`: what is done on the host, without the userland. Each returns what the command exits with. */
const tools: Record<string, () => Promise<{ main(args: string[]): Promise<number> }>> = {
  disk: () => import('./disk.ts'),
  image: () => import('./image.ts'),
  vm: () => import('./vm.ts'),
}

async function main(args: string[]): Promise<number> {
  if (args[0] !== undefined && Object.hasOwn(tools, args[0])) return (await tools[args[0]]!()).main(args.slice(1))
  if (args[0] === '-h' || args[0] === '--help') {
    process.stdout.write(usage)
    return 0
  }
  // It is a script of the userland's.
  if (args[0] === 'guest' && args[1] === 'build') args = ['-c', '9mlbuild $*', ...args.slice(2).map(inside)]
  setEngineWorker(engineWorker)
  setPcWorker(pcWorker)
  setDial(dialStream)
  setAnnounce(announce)

  let cwd = parse(process.execPath).root
  try {
    cwd = await hostcwd()
  } catch (e) {
    process.stderr.write(`9ml: current directory: ${e instanceof Error ? e.message : e}; this is /n/host\n`)
  }
  const { root } = parse(cwd)
  const dir = `/n/host/${cwd.slice(root.length).replaceAll('\\', '/')}`
  const line = commandLine(args)

  const options = (cons: ConsDriver[]): BootOptions => ({
    fill: fillRoot,
    programs: { ...llmPrograms, ...pcPrograms },
    images: [aoutimage(cpuWorker)],
    services: { host: hostService(root) },
    cons,
    memory: () => ({ used: process.memoryUsage().rss, total: process.memoryUsage().rss }),
  })
  if (line.reads && process.stdin.isTTY && process.stdout.isTTY) return terminal(options, dir, args)

  // Nobody reads what is written: as a pipe's writer on the host would, stop without a word.
  const gone = (err: NodeJS.ErrnoException) => process.exit(err.code === 'EPIPE' ? 0 : 1)
  const cons = [new StdioCons(process.stdin, process.stdout, gone), new StdioCons(undefined, process.stderr, gone)]
  const { kernel, start } = boot(options(cons))
  const { pid, exited } = await start({
    argv: ['rc', ...line.args],
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
