import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { Eintr, PlanError } from '../../plan9/error.ts'
import { Kernel, type StartOptions } from '../../plan9/kernel/kernel.ts'
import { type ConsDriver, PNGROUP, type ProgramTable } from '../../plan9/kernel/sys.ts'
import { programs } from '../../shell/programs.ts'

const rcmain = readFileSync(fileURLToPath(new URL('../../plan9/root/rc/lib/rcmain', import.meta.url)), 'utf8')

/** A console without echo: lines typed by the test, and all that was written. */
class Cons implements ConsDriver {
  out = ''
  /** What was written to consctl. */
  readonly ctls: string[] = []
  private readonly lines: Uint8Array[] = []
  private wake: (() => void) | undefined
  private seen: (() => void) | undefined

  type(s: string): void {
    this.lines.push(new TextEncoder().encode(s))
    this.wake?.()
  }

  /** Forgets what was typed and not read, as a console does at DEL. */
  forget(): void {
    this.lines.length = 0
  }

  async read(n: number, signal: AbortSignal): Promise<Uint8Array> {
    while (this.lines.length === 0) {
      await new Promise<void>((resolve, reject) => {
        this.wake = resolve
        if (signal.aborted) reject(new PlanError(Eintr))
        signal.addEventListener('abort', () => reject(new PlanError(Eintr)), { once: true })
      })
    }
    return this.lines.shift()!.subarray(0, n)
  }

  ctl(msg: string): void {
    this.ctls.push(msg)
  }

  private readonly utf = new TextDecoder()

  write(data: Uint8Array): void {
    this.out += this.utf.decode(data, { stream: true })
    this.seen?.()
  }

  /** Resolves when what was written from `from` on contains `s`, with where that ends. */
  async until(s: string, from = 0): Promise<number> {
    for (;;) {
      const i = this.out.indexOf(s, from)
      if (i >= 0) return i + s.length
      await new Promise<void>(resolve => {
        this.seen = resolve
      })
    }
  }
}

/** A kernel with the commands and rc, and more programs, on a root of memory. */
export class World {
  readonly tree = new Tree('glenda')
  readonly cons = new Cons()
  readonly kernel: Kernel

  constructor(files: Record<string, string> = {}, more: ProgramTable = {}) {
    const table = { ...programs, ...more }
    for (const d of ['bin', 'dev', 'env', 'proc', 'srv', 'fd', 'n', 'mnt', 'tmp', 't', 'usr/glenda', 'io']) {
      this.tree.mkdir(`/${d}`)
    }
    for (const name of Object.keys(table)) this.tree.add(`/js/bin/${name}`, `#!js ${name}\n`, 0o775)
    this.tree.add('/rc/lib/rcmain', rcmain)
    for (const [name, text] of Object.entries(files)) this.tree.add(name, text)
    const [ours, theirs] = pipeTransport()
    serve(theirs, ramfs(this.tree))
    this.kernel = new Kernel({ programs: table, root: ours, cons: [this.cons], user: 'glenda' })
  }

  start(argv: string[], opts: Partial<StartOptions> = {}) {
    return this.kernel.start({ argv, cons: 0, dir: '/t', env: { path: ['.', '/bin'] }, ...opts })
  }

  /** Runs rc with `stdin` to read, and tells what it wrote on fd 1 and 2 and how it ended. */
  async script(args: string[], stdin = ''): Promise<{ out: string; err: string; status: string }> {
    const files = ['/io/in', '/io/out', '/io/err'] as const
    this.tree.add(files[0], stdin)
    this.tree.add(files[1], '')
    this.tree.add(files[2], '')
    const { exited } = await this.start(['rc', ...args], { fds: [...files] })
    const status = await exited
    return { out: this.text(files[1]), err: this.text(files[2]), status }
  }

  text(name: string): string {
    const f = this.tree.lookup(name)
    if (f === undefined) throw new Error(`no ${name} in the tree`)
    return new TextDecoder().decode(f.data.subarray(0, f.length))
  }

  /** DEL at the console. */
  async interrupt(pid: number): Promise<void> {
    await this.kernel.postnote(PNGROUP, pid, 'interrupt')
  }
}
