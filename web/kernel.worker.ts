import { expose } from 'comlink'
import { aoutimage, type CpuWorker } from '../emulator/cpu/image.ts'
import { pcPrograms, setImageCache, setPcWorker } from '../emulator/pc/programs.ts'
import type { PcWorker } from '../emulator/pc/thread.ts'
import { setEngineWorker } from '../llmfs/host.ts'
import { llmPrograms } from '../llmfs/programs.ts'
import { OREAD, OWRITE } from '../plan9/9p/const.ts'
import { portTransport } from '../plan9/9p/transport.ts'
import { PNGROUP, RFCFDG, RFENVG, RFNOTEG, RFNOWAIT, RFPROC, type Sys } from '../plan9/kernel/sys.ts'
import { boot, type Machine } from '../shell/boot.ts'
import { completer } from '../shell/line/complete.ts'
import { Console } from '../shell/line/console.ts'
import { programs } from '../shell/programs.ts'
import { serveHome } from './home.ts'
import type { Booted, BootOptions, ConsoleOptions, FromCons, KernelApi, ToCons } from './kernel.ts'
import { fill, unpack } from './root.ts'

const USER = 'glenda'
/** Bytes on their way to the screen, at most, before a writer waits. */
const AHEAD = 128 * 1024

function failure(worker: Worker): Promise<string> {
  return new Promise(resolve => {
    worker.onerror = ev => resolve(ev.message || 'its worker could not be loaded')
  })
}

setEngineWorker(() => {
  const worker = new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module', name: '9ml engine' })
  const failed = failure(worker).then(why => `engine: ${why}`)
  return { endpoint: worker, failed, terminate: () => worker.terminate() }
})

function cpuWorker(): CpuWorker {
  const worker = new Worker(new URL('./cpu.worker.ts', import.meta.url), { type: 'module', name: '9ml cpu' })
  return {
    postMessage: downs => worker.postMessage(downs),
    onmessage: f => {
      worker.onmessage = ev => f(ev.data)
    },
    failed: failure(worker),
    terminate: () => worker.terminate(),
  }
}

setPcWorker((): PcWorker => {
  const worker = new Worker(new URL('./pc.worker.ts', import.meta.url), { type: 'module', name: '9ml pc' })
  return {
    postMessage: down => worker.postMessage(down),
    onmessage: f => {
      worker.onmessage = ev => f(ev.data)
    },
    failed: failure(worker),
    terminate: () => worker.terminate(),
  }
})

/** A file of the origin's for each address: which characters it may have differs between systems, but for these. */
setImageCache(async url => {
  const { OpfsCache } = await import('./opfs-blocks.ts')
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(url)))
  const name = Array.from(sum.subarray(0, 16), b => b.toString(16).padStart(2, '0')).join('')
  const root = await navigator.storage.getDirectory()
  return OpfsCache.open(await root.getDirectoryHandle('images', { create: true }), name)
})

/** The screen's end of the console: bytes go to the page, which says when it has shown them. */
class Screen {
  private readonly port: MessagePort
  private ahead = 0
  private waiting: (() => void)[] = []

  constructor(port: MessagePort) {
    this.port = port
  }

  write(data: Uint8Array): void | Promise<void> {
    const message: FromCons = data
    this.port.postMessage(message)
    this.ahead += data.length
    if (this.ahead > AHEAD) return new Promise(resolve => this.waiting.push(resolve))
  }

  shown(n: number): void {
    this.ahead -= n
    if (this.ahead <= AHEAD) for (const resolve of this.waiting.splice(0)) resolve()
  }
}

class PageKernel implements KernelApi {
  private machine: Machine | undefined
  /** The console's rc. */
  private pid = 0

  async boot(o: BootOptions): Promise<Booted> {
    const pack = unpack(o.pack)
    const [{ transport, home }, files] = await Promise.all([serveHome(USER, pack, o.patient), pack])
    const cons = this.console(o, () => this.pid)
    const machine = boot({
      fill: tree => fill(tree, files, o.base),
      programs: { ...llmPrograms, ...pcPrograms },
      images: [aoutimage(cpuWorker)],
      services: { usr: transport },
      cons: [cons],
      user: USER,
    })
    this.machine = machine
    await this.shell(o.cons)
    return { home }
  }

  /** A console whose screen and keyboard are the page's; `pid` is its shell's. */
  private console({ cons: port, cols, rows }: ConsoleOptions, pid: () => number): Console {
    const screen = new Screen(port)
    const kernel = () => this.machine!.kernel
    const cons = new Console({
      output: data => screen.write(data),
      interrupt: () => kernel().postnote(PNGROUP, pid(), 'interrupt'),
      complete: (line, cursor) => completer(kernel().sysFor(pid()), line, cursor),
      cols,
      rows,
    })
    port.onmessage = ({ data }: MessageEvent<ToCons>) => {
      if (typeof data === 'string') cons.input(data)
      else if ('shown' in data) screen.shown(data.shown)
      else cons.resize(data.cols, data.rows)
    }
    return cons
  }

  async open(o: ConsoleOptions): Promise<void> {
    let shell = 0
    const cons = this.console(o, () => shell)
    const machine = this.machine!
    const n = machine.kernel.cons.push(cons) - 1
    const { pid, exited } = await machine.startShell(n)
    shell = pid
    void exited.then(() => {
      const message: FromCons = 'exited'
      o.cons.postMessage(message)
    })
  }

  /** Starts rc on the console, and another when it has exited. */
  private async shell(cons: MessagePort): Promise<void> {
    const { pid, exited } = await this.machine!.startShell(0)
    this.pid = pid
    void exited.then(async () => {
      await this.shell(cons)
      const message: FromCons = 'restarted'
      cons.postMessage(message)
    })
  }

  attach(port: MessagePort, name = 'page'): void {
    this.machine!.kernel.export(portTransport(port), { pid: this.pid, name })
  }

  async run(argv: string[]): Promise<string> {
    const { default: program } = await programs[argv[0]!]!()
    const sys = this.machine!.kernel.sysFor(this.pid)
    return new Promise((resolve, reject) => {
      const child = async (sys: Sys) => {
        let status = 'exits'
        try {
          for (const mode of [OREAD, OWRITE, OWRITE]) await sys.open('/dev/null', mode)
          status = await program(sys, argv)
          return status
        } finally {
          resolve(status)
        }
      }
      sys.rfork(RFPROC | RFCFDG | RFENVG | RFNOTEG | RFNOWAIT, child).catch(reject)
    })
  }
}

const kernel: KernelApi = new PageKernel()
expose(kernel)
