import { concat } from '../plan9/9p/bit.ts'
import * as c from '../plan9/9p/const.ts'
import type { Dir, Qid } from '../plan9/9p/dir.ts'
import type { Fid, Req, Srv } from '../plan9/9p/srv.ts'
import { Ebadoffset, Eintr, Enonexist, Eperm, ERRMAX, errstr, PlanError } from '../plan9/error.ts'
import { orAbort } from '../plan9/libc/abort.ts'
import { Progress } from '../plan9/libc/progress.ts'
import { quoterc } from '../plan9/libc/quote.ts'
import {
  Ebadvalue,
  Ebusy,
  Egenerating,
  Enomodel,
  Enosession,
  Etoomany,
  fmtSettings,
  MAXSESSIONS,
  parseRoot,
  parseSession,
  type Settings,
} from './ctl.ts'
import { Link, type ModelFile } from './host.ts'
import { type Bytes, Generation, Session } from './session.ts'
import type { ModelInfo } from './worker.ts'

/** Bytes of a prompt at most, and of a control message that comes in pieces. */
export const MAXPROMPT = 1 << 20
export const Elongprompt = 'prompt too long'
/** The session has gone on to another generation, or the model is gone, before anybody had asked for logprobs. */
export const Egone = 'logprobs are gone'
/** Bytes of a tokenizer file at most: Llama 3's 128,000 tokens take some 2 MB. */
const MAXTOKENIZER = 64 << 20
/** Bytes of one read of a file while it loads. */
const PIECE = 1 << 20

export type OpenFile = ModelFile & { close(): Promise<void> }

/** Where `load` finds its files: the namespace of the process that serves, and the web. */
export interface Files {
  /** `signal` may end it, and all reads of the file. @throws PlanError as open(2) */
  open(name: string, signal?: AbortSignal): Promise<OpenFile>
}

/** A load under way. */
interface Loading {
  model: string
  progress: Progress
  /** Ends it. */
  stop: AbortController
  /** Resolves when it has ended, one way or the other. */
  over: Promise<void>
}

type Kind =
  | 'root'
  | 'rootctl'
  | 'loading'
  | 'model'
  | 'clone'
  | 'dir'
  | 'ctl'
  | 'prompt'
  | 'output'
  | 'stream'
  | 'tokens'
  | 'logits'
  | 'status'

interface File {
  name: string
  kind: Kind
  /** The low byte of qid.path; a session's serial number stands above it. */
  path: number
  mode: number
}

const root: File = { name: '/', kind: 'root', path: 0, mode: c.DMDIR | 0o555 }
const rootFiles: File[] = [
  { name: 'ctl', kind: 'rootctl', path: 1, mode: 0o666 },
  { name: 'model', kind: 'model', path: 2, mode: 0o444 },
  { name: 'clone', kind: 'clone', path: 3, mode: 0o444 },
  { name: 'status', kind: 'loading', path: 12, mode: 0o444 },
]
const sessionDir: File = { name: '', kind: 'dir', path: 4, mode: c.DMDIR | 0o755 }
const sessionFiles: File[] = [
  { name: 'ctl', kind: 'ctl', path: 5, mode: 0o666 },
  { name: 'prompt', kind: 'prompt', path: 6, mode: 0o666 },
  { name: 'output', kind: 'output', path: 7, mode: 0o444 },
  { name: 'stream', kind: 'stream', path: 8, mode: 0o444 },
  { name: 'tokens', kind: 'tokens', path: 9, mode: 0o444 },
  { name: 'logits', kind: 'logits', path: 10, mode: 0o444 },
  { name: 'status', kind: 'status', path: 11, mode: 0o444 },
]

/** What a fid stands for; once open it is the fid's alone. */
export interface Aux {
  file: File
  session?: Session
  /** What a read at offset 0 found, so that a reader in pieces sees one state. */
  snapshot?: Promise<Uint8Array>
  /** The generation that its reads follow: the session's at the last read at offset 0. */
  following?: Generation
  /** The first messages of a write that takes several, and the offset of the next one. */
  pending?: { text: Uint8Array; offset: number; error?: PlanError }
  /** Writes on the fid, one after another. */
  writing?: Promise<unknown>
}

const utf8 = new TextEncoder()
const text = new TextDecoder()
const nothing = new Uint8Array(0)

/** The error of loading `name`: it names the file, short enough that what is wrong still fits. */
function loadError(name: string, e: unknown): PlanError {
  if (!(e instanceof PlanError) && !(e instanceof Error)) throw e
  if (e.message === Eintr || e.message.includes(name)) return new PlanError(e.message)
  const room = Math.max(ERRMAX - 1 - utf8.encode(`: ${e.message}`).length, 16)
  let short = name
  while (utf8.encode(short).length > room) short = `...${short.slice(short.startsWith('...') ? 4 : 1)}`
  return new PlanError(`${short}: ${e.message}`)
}

export interface LlmfsOptions {
  files: Files
  /** Owner of the files. */
  user: string
  /** Threads to compute in; as many as suit the machine where it is absent. */
  threads?: number
  /** Gives up equal bits for speed, where the machine can. */
  fast?: boolean
  /** Seconds since the epoch. */
  now?: () => number
}

/**
 * llmfs(4): one model, its sessions, as a file tree. Serve `srv` on as many connections as there are; they share it.
 * The engine runs behind a `Link`, on a thread of its own where the host has given one.
 */
export class Llmfs {
  readonly srv: Srv<Aux>
  readonly #files: Files
  readonly #user: string
  readonly #now: () => number
  readonly #link: Link
  #model: { info: ModelInfo; model: string; tokenizer: string } | undefined
  #loading: Loading | undefined
  /** The model is on its way out. */
  #leaving = false
  /** Why the last load failed, or where the model went by itself. */
  #failed: string | undefined
  readonly #threads: number | undefined
  readonly #fast: boolean
  #closed = false
  readonly #sessions = new Map<number, Session>()
  #serial = 0
  #mtime: number

  constructor(options: LlmfsOptions) {
    this.#files = options.files
    this.#user = options.user
    this.#now = options.now ?? (() => Math.floor((performance.timeOrigin + performance.now()) / 1000))
    this.#mtime = this.#now()
    this.#threads = options.threads
    this.#fast = options.fast ?? false
    this.#link = new Link(reason => {
      this.#model = undefined
      this.#failed = reason
    })
    this.srv = {
      attach: () => ({ aux: { file: root }, qid: this.#qid(root) }),
      walk1: (aux, name) => this.#walk1(aux, name),
      stat: fid => this.#stat(fid.aux),
      open: (fid, mode) => this.#open(fid, mode),
      create: () => {
        throw new PlanError(Eperm)
      },
      read: (fid, offset, count, req) => this.#read(fid.aux, offset, count, req),
      readdir: fid => this.#readdir(fid.aux),
      write: (fid, offset, data, req) => this.#write(fid.aux, offset, data, req),
      remove: () => {
        throw new PlanError(Eperm)
      },
      wstat: (_fid, dir) => {
        if (Object.keys(dir).length > 0) throw new PlanError(Eperm)
      },
      clunk: fid => this.#clunk(fid.aux),
    }
  }

  /** The server ends: every session closes, every reader is told so, the engine's thread is gone. */
  close(): void {
    this.#closed = true
    for (const s of this.#sessions.values()) {
      s.closed = true
      s.changed()
    }
    this.#sessions.clear()
    this.#loading?.stop.abort()
    this.#model = undefined
    this.#link.terminate()
  }

  #qid(file: File, session?: Session): Qid {
    return {
      type: file.mode & c.DMDIR ? c.QTDIR : c.QTFILE,
      vers: 0,
      path: (BigInt(session?.serial ?? 0) << 8n) | BigInt(file.path),
    }
  }

  /** @throws PlanError Enosession when the session that a fid stands for is closed */
  #live(aux: Aux): Session {
    if (!aux.session || aux.session.closed) throw new PlanError(Enosession)
    return aux.session
  }

  #walk1(aux: Aux, name: string): { aux: Aux; qid: Qid } {
    if (name === '..') return { aux: { file: root }, qid: this.#qid(root) }
    if (aux.file.kind === 'dir') {
      const session = this.#live(aux)
      const file = sessionFiles.find(f => f.name === name)
      if (!file) throw new PlanError(Enonexist)
      return { aux: { file, session }, qid: this.#qid(file, session) }
    }
    const file = rootFiles.find(f => f.name === name)
    if (file) return { aux: { file }, qid: this.#qid(file) }
    if (!/^(0|[1-9]\d{0,8})$/.test(name)) throw new PlanError(Enonexist)
    const session = this.#sessions.get(Number(name))
    if (!session) throw new PlanError(Enosession)
    return { aux: { file: sessionDir, session }, qid: this.#qid(sessionDir, session) }
  }

  #dir(file: File, session?: Session): Dir {
    const time = session?.mtime ?? this.#mtime
    return {
      type: 0,
      dev: 0,
      qid: this.#qid(file, session),
      mode: file.mode,
      atime: time,
      mtime: time,
      length: file.kind === 'prompt' ? BigInt(session!.prompt.length) : 0n,
      name: file.kind === 'dir' ? String(session!.number) : file.name,
      uid: session?.uid ?? this.#user,
      gid: this.#user,
      muid: this.#user,
    }
  }

  #stat(aux: Aux): Dir {
    return this.#dir(aux.file, aux.session && this.#live(aux))
  }

  #readdir(aux: Aux): Dir[] {
    if (aux.file.kind === 'dir') {
      const session = this.#live(aux)
      return sessionFiles.map(f => this.#dir(f, session))
    }
    const sessions = [...this.#sessions.values()].sort((a, b) => a.number - b.number)
    return [...rootFiles.map(f => this.#dir(f)), ...sessions.map(s => this.#dir(sessionDir, s))]
  }

  #open(fid: Fid<Aux>, mode: number): { aux: Aux } {
    const { file, session } = fid.aux
    if (session) this.#live(fid.aux)
    let want = [4, 2, 6, 1][mode & 3]!
    if (mode & c.OTRUNC) want |= 2
    if (mode & c.ORCLOSE || (file.mode & want) !== want) throw new PlanError(Eperm)
    if (file.kind === 'clone')
      return { aux: { file, snapshot: Promise.resolve(utf8.encode(`${this.#clone(fid.uid).number}\n`)) } }
    if (file.kind === 'prompt' && mode & c.OTRUNC) this.#setPrompt(session!, nothing)
    return { aux: session ? { file, session } : { file } }
  }

  #clone(uid: string): Session {
    if (this.#closed || this.#sessions.size >= MAXSESSIONS) throw new PlanError(Etoomany)
    let number = 0
    while (this.#sessions.has(number)) number++
    const session = new Session(number, ++this.#serial, uid, this.#clock(), this.#now())
    this.#sessions.set(number, session)
    this.#mtime = this.#now()
    return session
  }

  /** A seed from the clock, never 0. */
  #clock(): bigint {
    return BigInt(this.#now()) || 1n
  }

  #setPrompt(session: Session, prompt: Uint8Array<ArrayBuffer>): void {
    session.prompt = prompt
    session.mtime = this.#now()
  }

  async #read(aux: Aux, offset: number, count: number, req: Req): Promise<Uint8Array> {
    const { kind } = aux.file
    if (kind === 'stream' || kind === 'tokens' || kind === 'output') return this.#follow(aux, offset, count, req)
    if (aux.session) this.#live(aux)
    if (kind !== 'clone' && (offset === 0 || !aux.snapshot)) aux.snapshot = this.#contents(aux)
    return (await aux.snapshot!).slice(offset, offset + count)
  }

  #loaded(): string {
    const model = this.#model
    return model ? `loaded ${quoterc(model.model)} ${quoterc(model.tokenizer)}` : 'unloaded'
  }

  #loadStatus(): string {
    if (this.#loading) return `loading ${quoterc(this.#loading.model)} ${this.#loading.progress}`
    return this.#failed === undefined ? this.#loaded() : `error ${this.#failed}`
  }

  /** All of a file that does not block. */
  async #contents(aux: Aux): Promise<Uint8Array> {
    const { session } = aux
    const model = this.#model
    switch (aux.file.kind) {
      case 'rootctl':
        return utf8.encode(`${this.#loaded()}\n`)
      case 'loading':
        return utf8.encode(`${this.#loadStatus()}\n`)
      case 'model': {
        if (!model) throw new PlanError(Enomodel)
        const names = ['dim', 'hidden_dim', 'n_layers', 'n_heads', 'n_kv_heads', 'vocab_size', 'seq_len'] as const
        const rest = ['params', 'quant', 'bytes', 'memory', 'threads'] as const
        return utf8.encode([...names, ...rest].map(name => `${name} ${model.info[name]}\n`).join(''))
      }
      case 'ctl':
        return utf8.encode(fmtSettings(session!.settings))
      case 'prompt':
        return session!.prompt
      case 'status':
        return utf8.encode(session!.status())
      case 'logits': {
        if (!model) return nothing
        const logits = await this.#link.logits(session!.serial)
        return new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength)
      }
      default:
        throw new PlanError(Eperm)
    }
  }

  /**
   * Reads what a generation makes, waiting for it. A fid follows the generation that was the session's at its last read at
   * offset 0, or the next one where there was none, to its end, whatever becomes of the session's next.
   */
  async #follow(aux: Aux, offset: number, count: number, req: Req): Promise<Uint8Array> {
    if (offset === 0) aux.following = this.#live(aux).current
    for (;;) {
      const session = this.#live(aux)
      aux.following ??= session.current
      const g = aux.following
      if (g) {
        const bytes = aux.file.kind === 'tokens' ? await this.#lines(session, g) : g.stream
        const ready = g.ended !== undefined || aux.file.kind !== 'output'
        if (ready && offset < bytes.length) return bytes.read(offset, count)
        if (g.ended?.error !== undefined) throw new PlanError(g.ended.error)
        if (g.ended) return nothing
      }
      await session.change(req.signal)
    }
  }

  /** The model is about to go: finds out what may still be read of it. */
  async #keep(): Promise<void> {
    for (const s of this.#sessions.values())
      if (s.current && s.current.ended?.error === undefined) await this.#lines(s, s.current).catch(() => {})
  }

  /** The lines of a generation's tokens. What the engine was not asked for until now, it is asked for. */
  async #lines(session: Session, g: Generation): Promise<Bytes> {
    if (!g.watched && !g.ended) {
      g.watched = true
      await this.#link.watch(await g.begun)
    }
    for (let range = g.unknown(); range; range = g.unknown()) {
      const logprobs = await this.#link.logprobs(session.serial, range.from, range.to).catch(e => {
        // Its reader is to see why the generation ended.
        if (g.ended?.error === undefined) throw e
      })
      if (!logprobs) break
      if (logprobs.length === 0) throw new PlanError(Egone)
      g.fill(range.from, logprobs)
    }
    return g.tokens
  }

  #write(aux: Aux, offset: number, data: Uint8Array, req: Req): Promise<number> | number {
    if (aux.session) this.#live(aux)
    if (aux.file.kind === 'prompt') return this.#writePrompt(this.#live(aux), offset, data)
    const turn = (aux.writing ?? Promise.resolve()).then(() => this.#writeCtl(aux, offset, data, req))
    aux.writing = turn.catch(() => {})
    return turn
  }

  #writePrompt(session: Session, offset: number, data: Uint8Array): number {
    const old = session.prompt
    if (offset > old.length) throw new PlanError(Ebadoffset)
    if (offset + data.length > MAXPROMPT) throw new PlanError(Elongprompt)
    const prompt = new Uint8Array(Math.max(old.length, offset + data.length))
    prompt.set(old)
    prompt.set(data, offset)
    this.#setPrompt(session, prompt)
    return data.length
  }

  /**
   * A write as large as a message can be is taken for the first part of a longer one: nothing is done until the rest has
   * come, or the fid is clunked.
   */
  async #writeCtl(aux: Aux, offset: number, data: Uint8Array, req: Req): Promise<number> {
    const before = aux.pending?.offset === offset ? aux.pending : undefined
    aux.pending = undefined
    const all = before ? concat([before.text, data]) : data
    const more = data.length >= req.iounit
    const next = offset + data.length
    try {
      if (before?.error) throw before.error
      if (all.length > MAXPROMPT) throw new PlanError(Ebadvalue)
      if (more) aux.pending = { text: all, offset: next }
      else await this.#control(aux, text.decode(all), req.signal)
    } catch (e) {
      if (more && e instanceof PlanError) aux.pending = { text: nothing, offset: next, error: e }
      throw e
    }
    return data.length
  }

  async #clunk(aux: Aux): Promise<void> {
    const pending = aux.pending
    aux.pending = undefined
    if (pending && !pending.error) await this.#control(aux, text.decode(pending.text))
  }

  async #control(aux: Aux, message: string, signal?: AbortSignal): Promise<void> {
    if (!aux.session) {
      for (const cmd of parseRoot(message)) {
        if (cmd.name === 'load') await this.#load(cmd.model, cmd.tokenizer, signal)
        else await this.#unload()
      }
      return
    }
    const session = this.#live(aux)
    let set: Partial<Settings> = {}
    const settle = () => {
      session.settings = { ...session.settings, ...set }
      set = {}
    }
    for (const cmd of parseSession(message)) {
      this.#live(aux)
      if (cmd.name === 'set') {
        set = { ...set, ...cmd.set }
        continue
      }
      if (cmd.name === 'generate') this.#mayGenerate(session)
      settle()
      if (cmd.name === 'generate') await this.#generate(session)
      else if (cmd.name === 'stop') await this.#stop(session)
      else if (cmd.name === 'reset') await this.#reset(session)
      else await this.#close(session)
    }
    settle()
  }

  /** @throws PlanError Egenerating, Enomodel, Ebusy */
  #mayGenerate(session: Session): ModelInfo {
    if (session.generating) throw new PlanError(Egenerating)
    if (this.#loading || this.#leaving) throw new PlanError(Ebusy)
    if (!this.#model) throw new PlanError(Enomodel)
    return this.#model.info
  }

  async #generate(session: Session): Promise<void> {
    const { seq_len } = this.#mayGenerate(session)
    const { temp, topp, seed, steps, shortcuts } = session.settings
    const g = new Generation(steps === 0 || steps > seq_len ? seq_len : steps)
    session.current = g
    g.begun = this.#link.generate(
      session.serial,
      {
        prompt: session.promptText(),
        temp,
        topp,
        seed: seed || this.#clock(),
        steps: g.steps,
        logprobs: false,
        chat: false,
        shortcuts,
      },
      {
        tokens: (pos, ids, logprobs, texts) => {
          g.add(pos, ids, logprobs, texts)
          session.changed()
        },
        end: (pos, rate, error) => {
          g.pos = Math.max(g.pos, pos)
          g.end(rate, error)
          session.changed()
        },
      },
    )
    session.changed()
    try {
      await g.begun
    } catch (e) {
      g.end(0, errstr(e))
      session.changed()
      throw e
    }
  }

  /** Ends the generation under way, if there is one, and waits for that. */
  async #stop(session: Session): Promise<void> {
    const g = session.current
    if (!g || g.ended) return
    const gen = await g.begun.catch(() => undefined)
    if (gen === undefined) return
    await this.#link.stop(gen)
    await g.over
  }

  /** Ends it, and forgets it and the prompt; the settings stay. */
  async #reset(session: Session): Promise<void> {
    const g = session.current
    await this.#stop(session)
    if (session.current !== g || session.closed) return
    session.current = undefined
    this.#setPrompt(session, nothing)
    session.changed()
    await this.#forget(session)
  }

  async #close(session: Session): Promise<void> {
    session.closed = true
    this.#sessions.delete(session.number)
    this.#mtime = this.#now()
    session.changed()
    await this.#stop(session)
    await this.#forget(session)
  }

  async #forget(session: Session): Promise<void> {
    if (this.#model) await this.#link.forget(session.serial)
  }

  /** @throws PlanError Ebusy: while a session generates, or another load or unload is under way */
  #idle(): void {
    if (this.#loading || this.#leaving) throw new PlanError(Ebusy)
    for (const s of this.#sessions.values()) if (s.generating) throw new PlanError(Ebusy)
  }

  async #load(model: string, tokenizer: string, signal?: AbortSignal): Promise<void> {
    this.#idle()
    const stop = new AbortController()
    const progress = new Progress()
    const until = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
    const over = this.#replace(model, tokenizer, progress, until)
    const loading = { model, progress, stop, over: over.catch(() => {}) }
    this.#loading = loading
    this.#failed = undefined
    try {
      await over
    } catch (e) {
      this.#failed = errstr(e)
      throw e
    } finally {
      this.#loading = undefined
    }
  }

  async #replace(model: string, tokenizer: string, progress: Progress, signal: AbortSignal): Promise<void> {
    const own = tokenizer === '-'
    const vocab = own ? undefined : await this.#tokenizer(tokenizer, signal)
    const info = await this.#checkpoint(model, progress, signal)
    await this.#keep()
    await this.#link.use(vocab).catch(e => {
      throw loadError(own ? model : tokenizer, e)
    })
    this.#model = { info, model, tokenizer }
    this.#mtime = this.#now()
  }

  /** Opens a file for `use` and closes it again. @throws PlanError that names it; Eintr */
  async #using<T>(name: string, signal: AbortSignal, use: (file: OpenFile) => Promise<T>): Promise<T> {
    try {
      const opening = this.#files.open(name, signal)
      const file = await orAbort(opening, signal).catch(e => {
        opening.then(late => late.close()).catch(() => {})
        throw e
      })
      try {
        return await use(file)
      } finally {
        await file.close()
      }
    } catch (e) {
      throw loadError(name, e)
    }
  }

  #tokenizer(name: string, signal: AbortSignal): Promise<Uint8Array> {
    return this.#using(name, signal, async file => {
      if (file.size > MAXTOKENIZER) throw new PlanError('not a tokenizer: too large')
      const bytes = new Uint8Array(file.size)
      for (let n = 0; n < bytes.length; ) {
        const piece = await orAbort(file.read(n, Math.min(PIECE, bytes.length - n)), signal)
        if (piece.length === 0) throw new PlanError('cut short')
        bytes.set(piece, n)
        n += piece.length
      }
      return bytes
    })
  }

  #checkpoint(name: string, progress: Progress, signal: AbortSignal): Promise<ModelInfo> {
    return this.#using(name, signal, file =>
      this.#link.load(file, { simd: true, fast: this.#fast, threads: this.#threads, progress, signal }),
    )
  }

  /** Forgets the model; where one is being loaded it ends that instead. */
  async #unload(): Promise<void> {
    if (this.#loading) {
      this.#loading.stop.abort()
      await this.#loading.over
      return
    }
    this.#idle()
    this.#failed = undefined
    if (!this.#model) throw new PlanError(Enomodel)
    this.#leaving = true
    try {
      await this.#keep()
      this.#model = undefined
      await this.#link.unload()
    } finally {
      this.#leaving = false
    }
  }
}
