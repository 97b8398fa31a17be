import { serve } from '../plan9/9p/server.ts'
import { pipeTransport, type Transport } from '../plan9/9p/transport.ts'
import { ramfs, Tree } from '../plan9/9p/tree.ts'
import type { Image } from '../plan9/kernel/exec.ts'
import { Kernel, type StartOptions } from '../plan9/kernel/kernel.ts'
import type { ConsDriver, ProgramTable } from '../plan9/kernel/sys.ts'
import { programs } from './programs.ts'

export interface BootOptions {
  /** Puts the distribution's files, plan9/root, into the root tree. */
  fill(tree: Tree): void
  /** Programs besides the shell's own: those of llmfs. */
  programs?: ProgramTable
  /** What exec understands besides the programs of the table. */
  images?: Image[]
  /** File servers of the host's, posted in /srv: `usr` and `host` are mounted by /lib/namespace. */
  services?: Record<string, Transport>
  /** The consoles, #c0 and on. */
  cons: ConsDriver[]
  /** Default glenda. */
  user?: string
  sysname?: string
  /** A time zone as ctime(2) has it, for /env/timezone; default GMT. */
  timezone?: string
  memory?: () => { used: number; total: number }
}

export interface Machine {
  readonly kernel: Kernel
  readonly tree: Tree
  /** Starts a program, with the environment that a system begins with. */
  start(o: StartOptions): Promise<{ pid: number; exited: Promise<string> }>
  /** Starts a login rc on a console, with more of rc's flags where given. When it exits the caller may start another. */
  startShell(cons: number, o?: { dir?: string; flags?: string[] }): Promise<{ pid: number; exited: Promise<string> }>
}

/** Directories that a system has and a repository cannot keep, for want of a file in them. Modes as Plan 9's. */
const directories: [string, number][] = [
  ['/lib/news', 0o777],
  ['/mnt/llm', 0o775],
  ['/mnt/pc', 0o775],
  ['/mnt/temp', 0o775],
  ['/mnt/term', 0o775],
  ['/n/host', 0o775],
  ['/n/guest', 0o775],
  ['/n/remote', 0o775],
  ['/n/sh', 0o775],
  ['/n/temp', 0o775],
  ['/n/9front', 0o775],
  ['/tmp', 0o777],
  ['/usr/glenda/bin/rc', 0o775],
  ['/usr/glenda/lib', 0o775],
  ['/usr/glenda/tmp', 0o775],
  // What exportfs -S mounts on, one for each attach.
  ...Array.from({ length: 32 }, (_, n): [string, number] => [`/mnt/exportfs/${n}`, 0o775]),
]

/**
 * The common boot of the page and of Node: a root file system in memory, made of the distribution's files and of a file in
 * /js/bin for each program, and the kernel on it.
 */
export function boot(o: BootOptions): Machine {
  const user = o.user ?? 'glenda'
  const table: ProgramTable = { ...programs, ...o.programs }
  const tree = new Tree(user)
  o.fill(tree)
  for (const [path, mode] of directories) tree.mkdir(path).mode = (tree.lookup(path)!.mode & ~0o777) | mode
  for (const name of Object.keys(table)) tree.add(`/js/bin/${name}`, `#!js ${name}\n`, 0o775)

  const [root, rootsrv] = pipeTransport()
  serve(rootsrv, ramfs(tree), { name: 'boot' })
  const kernel = new Kernel({
    programs: table,
    root,
    cons: o.cons,
    user,
    sysname: o.sysname ?? '9ml',
    ...(o.services && { services: o.services }),
    ...(o.memory && { memory: o.memory }),
  })
  kernel.images.push(...(o.images ?? []))
  const env = { timezone: o.timezone ?? 'GMT 0 GMT 0\n' }
  const start = (o: StartOptions) => kernel.start({ ...o, env: { ...env, ...o.env } })
  return {
    kernel,
    tree,
    start,
    startShell: (cons, { dir, flags = [] } = {}) =>
      start({ argv: ['rc', '-li', ...flags], cons, ...(dir !== undefined && { dir }) }),
  }
}
