import { convM2Ds } from '../9p/dir.ts'
import { serve } from '../9p/server.ts'
import { pipeTransport, type Transport } from '../9p/transport.ts'
import { ramfs, Tree } from '../9p/tree.ts'
import { Eintr, PlanError } from '../error.ts'
import { Kernel, type StartOptions } from './kernel.ts'
import type { ConsDriver, Program, ProgramTable, Sys } from './sys.ts'

/** For tests: a kernel on a root in memory, whose programs are functions given on the spot. */

/** A console whose lines are typed by the test, and whose output is kept. */
export class Testcons implements ConsDriver {
  out = ''
  ctls: string[] = []
  private lines: Uint8Array[] = []
  private waiting: (() => void) | undefined

  type(s: string): void {
    this.lines.push(new TextEncoder().encode(s))
    this.waiting?.()
  }

  async read(n: number, signal: AbortSignal): Promise<Uint8Array> {
    while (this.lines.length === 0)
      await new Promise<void>((resolve, reject) => {
        this.waiting = resolve
        signal.addEventListener('abort', () => reject(new PlanError(Eintr)), { once: true })
      })
    return this.lines.shift()!.subarray(0, n)
  }

  write(b: Uint8Array): void {
    this.out += new TextDecoder().decode(b)
  }

  ctl(msg: string): void {
    this.ctls.push(msg)
  }
}

export interface Testkernel {
  k: Kernel
  tree: Tree
  cons: Testcons[]
  programs: ProgramTable
  /** Makes program NAME, at /js/bin/NAME. */
  program(name: string, p: Program): void
  /** Runs f as a process; what it returns or throws comes out here, once the process has ended. */
  proc<T>(f: (sys: Sys, argv: string[]) => Promise<T>, o?: Partial<StartOptions>): Promise<T>
  /** Starts f as a process. */
  start(p: Program, o?: Partial<StartOptions>): Promise<{ pid: number; exited: Promise<string> }>
}

export function boot(files: Record<string, string> = {}, services: Record<string, Transport> = {}): Testkernel {
  const tree = new Tree('glenda')
  for (const d of ['js/bin', 'rc/bin', 'bin', 'mnt', 'n/a', 'n/b', 'n/c', 'tmp', 'usr/glenda', 'lib'])
    tree.mkdir(`/${d}`, 0o775)
  for (const [name, text] of Object.entries(files)) tree.add(name, text)
  const root = served(ramfs(tree))
  const cons = [new Testcons(), new Testcons()]
  const programs: ProgramTable = {}
  const k = new Kernel({ programs, root, services, cons, user: 'glenda', sysname: 'term' })
  let n = 0
  const t: Testkernel = {
    k,
    tree,
    cons,
    programs,
    program(name, p) {
      programs[name] = async () => ({ default: p })
      tree.add(`/js/bin/${name}`, `#!js ${name}\n`, 0o775)
    },
    async start(p, o = {}) {
      const name = `t${++n}`
      t.program(name, p)
      return k.start({ argv: [name], cons: 0, ...o })
    },
    async proc(f, o) {
      let done: (() => ReturnType<typeof f>) | undefined
      const { exited } = await t.start(async (sys, argv) => {
        try {
          const value = await f(sys, argv)
          done = async () => value
        } catch (e) {
          done = () => Promise.reject(e)
        }
        return ''
      }, o)
      const status = await exited
      if (!done) throw new Error(`process ended: ${status}`)
      return done()
    },
  }
  return t
}

/** The client's end of a connection to a file server in memory. */
export function served(srv: Parameters<typeof serve>[1]): Transport {
  const [a, b] = pipeTransport()
  serve(b, srv as Parameters<typeof serve<unknown>>[1])
  return a
}

export async function readall(sys: Sys, name: string): Promise<string> {
  const fd = await sys.open(name, 0)
  let text = ''
  const dec = new TextDecoder()
  for (;;) {
    const b = await sys.read(fd, 8192)
    if (b.length === 0) break
    text += dec.decode(b, { stream: true })
  }
  await sys.close(fd)
  return text
}

/** Makes a file, as `echo -n text > name` does. */
export async function writefile(sys: Sys, name: string, text: string, perm = 0o666): Promise<void> {
  const fd = await sys.create(name, 1, perm)
  await sys.write(fd, text)
  await sys.close(fd)
}

/** The names in a directory, as read. */
export async function ls(sys: Sys, name: string): Promise<string[]> {
  const fd = await sys.open(name, 0)
  const names: string[] = []
  for (;;) {
    const b = await sys.read(fd, 8192)
    if (b.length === 0) break
    names.push(...convM2Ds(b).map(d => d.name))
  }
  await sys.close(fd)
  return names
}

/** The error string that p rejects with. */
export async function errof(p: Promise<unknown>): Promise<string> {
  try {
    await p
  } catch (e) {
    if (e instanceof PlanError) return e.message
    throw e
  }
  return ''
}
