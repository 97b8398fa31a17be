/** What the page and the kernel's Worker say to each other, besides 9P. */

export interface ConsoleOptions {
  /** Carries ToCons and FromCons. */
  cons: MessagePort
  cols: number
  rows: number
}

export interface BootOptions extends ConsoleOptions {
  /** The distribution's tree, as root-plugin.ts packed it. */
  pack: ArrayBuffer
  /** What the pack's asset names are relative to: the page's address. */
  base: string
  /** A page of this one's own may be on its way out: wait longer for it to let go of the home directory. */
  patient: boolean
}

/** Where /usr/glenda is. `why` says, in a few words, why it is not kept. */
export type Home = { kept: true } | { kept: false; why: string }

export interface Booted {
  home: Home
}

/** The life of the kernel; comlink carries it. */
export interface KernelApi {
  /** Starts the kernel and, on its console, rc. Once. */
  boot(options: BootOptions): Promise<Booted>
  /** Starts rc on another console, with a name space of its own, which is carried as the first is. When rc exits, so does it. */
  open(o: ConsoleOptions): Promise<void>
  /** Serves 9P on `port`: the name space of the console's rc. `name` is what a trace calls it. */
  attach(port: MessagePort, name?: string): void
  /** Runs a program that is compiled in, as the console's rc would, but with nothing to read and what it prints thrown away. */
  run(argv: string[]): Promise<string>
}

/** To the console: keys as a terminal sends them; that bytes were shown; its size in characters. */
export type ToCons = string | { shown: number } | { cols: number; rows: number }

/** From the console: bytes to show; or the console's process was replaced by a new one, and its name space with
 * it; or it has exited, and nothing more comes. */
export type FromCons = Uint8Array | 'restarted' | 'exited'
