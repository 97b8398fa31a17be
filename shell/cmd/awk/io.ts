import { OREAD, OWRITE } from '../../../plan9/9p/const.ts'
import { PlanError } from '../../../plan9/error.ts'
import { RFFDG, RFPROC, type Sys } from '../../../plan9/kernel/sys.ts'
import { Bsize, Memmax, write } from '../../../plan9/libc/bio.ts'
import { frombytes, own, totext } from '../../../plan9/libc/bytes.ts'
import { eprint } from '../../../plan9/libc/sysfatal.ts'
import { Fatal } from './value.ts'

/** Where output goes. What is put there waits until `flush`. */
export class Writer {
  readonly name: string
  readonly fd: number
  #buf = new Uint8Array(1024)
  #n = 0

  constructor(name: string, fd: number) {
    this.name = name
    this.fd = fd
  }

  get length(): number {
    return this.#n
  }

  put(s: string): void {
    let n = this.#n
    const end = n + s.length
    if (end > this.#buf.length) {
      const buf = new Uint8Array(Math.max(end, 2 * this.#buf.length))
      buf.set(this.#buf.subarray(0, n))
      this.#buf = buf
    }
    const buf = this.#buf
    for (let i = 0; n < end; i++, n++) buf[n] = s.charCodeAt(i)
    this.#n = n
  }

  /** @throws Fatal when it cannot be written */
  async flush(sys: Sys): Promise<void> {
    if (this.#n === 0) return
    const b = this.#buf.slice(0, this.#n)
    if (this.#buf.length > 4 * Bsize) this.#buf = new Uint8Array(1024)
    this.#n = 0
    try {
      for (let i = 0; i < b.length; i += Bsize) await write(sys, this.fd, b.subarray(i, i + Bsize))
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      throw new Fatal(`write error on ${this.name}`)
    }
  }
}

/** What `Reader.next` says when it has to wait for more, and when there is none. */
export const MORE = Symbol('more')
export const EOF = Symbol('end of file')
export type Next = string | typeof MORE | typeof EOF

/** Records of a file. */
export class Reader {
  readonly fd: number
  #buf = ''
  #pos = 0
  #eof = false
  /** The beginning of a record that is longer than the buffer, and its length. */
  #parts: string[] = []
  #length = 0
  /** Lines of the paragraph that is being read. */
  #lines: string[] = []

  constructor(fd: number) {
    this.fd = fd
  }

  /** Reads more; to be called after `MORE`. An error is the end. */
  async fill(sys: Sys): Promise<void> {
    let b: Uint8Array
    try {
      b = await sys.read(this.fd, Bsize)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      b = new Uint8Array(0)
    }
    if (b.length === 0) this.#eof = true
    else {
      this.#buf = frombytes(b)
      this.#pos = 0
    }
  }

  /** The next record, without what ends it: the byte `sep`, or empty lines when that is ''. */
  next(sep: string): Next {
    if (sep !== '') return this.#until(sep)
    for (;;) {
      const line = this.#until('\n')
      if (line === MORE) return MORE
      if (line !== EOF && line !== '') this.#lines.push(line)
      else if (this.#lines.length > 0) {
        const all = this.#lines.join('\n')
        this.#lines = []
        return all
      } else if (line === EOF) return EOF
    }
  }

  #until(sep: string): Next {
    const i = this.#buf.indexOf(sep, this.#pos)
    if (i >= 0) {
      const s = this.#buf.slice(this.#pos, i)
      this.#pos = i + 1
      return this.#joined(s)
    }
    if (this.#pos < this.#buf.length) {
      const s = this.#buf.slice(this.#pos)
      this.#parts.push(s)
      this.#length += s.length
      if (this.#length > Memmax) throw new Fatal(`input record \`${this.#parts[0]!.slice(0, 30)}...' too long`)
      this.#pos = this.#buf.length
    }
    if (!this.#eof) return MORE
    this.#eof = false
    return this.#parts.length > 0 ? this.#joined('') : EOF
  }

  #joined(last: string): string {
    if (this.#parts.length === 0) return own(last)
    const s = this.#parts.join('') + last
    this.#parts = []
    this.#length = 0
    return s
  }
}

/** How a file or command was opened. */
export type Mode = '>' | '>>' | '|' | '<' | 'cmd|'

interface Open {
  name: string
  mode: Mode
  out?: Writer
  in?: Reader
  /** The command's process. */
  pid?: number
}

/** The files and commands of a program: identical names are the same open file. */
export class Files {
  readonly sys: Sys
  readonly stdin = new Reader(0)
  readonly stdout = new Writer('/dev/stdout', 1)
  readonly stderr = new Writer('/dev/stderr', 2)
  #open: Open[] = [
    { name: '/dev/stdin', mode: '<', in: this.stdin },
    { name: '/dev/stdout', mode: '>', out: this.stdout },
    { name: '/dev/stderr', mode: '>', out: this.stderr },
  ]
  /** What became of children that were waited for while another was meant. */
  #ended = new Map<number, string>()

  constructor(sys: Sys) {
    this.sys = sys
  }

  #find(name: string, mode: Mode): Open | undefined {
    if (name === '') throw new Fatal('null file name in print or getline')
    // What was opened for writing can be appended to.
    for (const f of this.#open) if (f.name === name && (f.mode === mode || (mode === '>>' && f.mode === '>'))) return f
    return undefined
  }

  writer(name: string, mode: '>' | '>>' | '|'): Writer | undefined {
    return this.#find(name, mode)?.out
  }

  reader(name: string, mode: '<' | 'cmd|'): Reader | undefined {
    return this.#find(name, mode)?.in
  }

  /** Whether what is written there should be seen at once, in the order in which it is written. */
  direct(w: Writer): boolean {
    return w === this.stderr || (w !== this.stdout && /^(\/dev\/|\/fd\/|#)/.test(w.name))
  }

  /** What is open for writing under the name. */
  writing(name: string): Writer | undefined {
    return this.#open.find(f => f.name === name && f.out !== undefined)?.out
  }

  async openwriter(name: string, mode: '>' | '>>' | '|'): Promise<Writer> {
    await this.flush()
    try {
      if (mode === '|') {
        const { fd, pid } = await this.#popen(name, 1)
        const out = new Writer(name, fd)
        this.#open.push({ name, mode, out, pid })
        return out
      }
      const out = new Writer(name, await this.#create(totext(name), mode))
      this.#open.push({ name, mode: '>', out })
      return out
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      throw new Fatal(`can't open file ${name}`)
    }
  }

  async #create(name: string, mode: '>' | '>>'): Promise<number> {
    const { sys } = this
    if (mode === '>') return sys.create(name, OWRITE, 0o666)
    let fd: number
    try {
      fd = await sys.open(name, OWRITE)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      return sys.create(name, OWRITE, 0o666)
    }
    await sys.seek(fd, 0, 2)
    return fd
  }

  /** Opens a file, or a command, to read; undefined when that cannot be done. */
  async openreader(name: string, mode: '<' | 'cmd|'): Promise<Reader | undefined> {
    await this.flush()
    try {
      if (mode === 'cmd|') {
        const { fd, pid } = await this.#popen(name, 0)
        const r = new Reader(fd)
        this.#open.push({ name, mode, in: r, pid })
        return r
      }
      const r = name === '-' ? this.stdin : new Reader(await this.sys.open(totext(name), OREAD))
      this.#open.push({ name, mode, in: r })
      return r
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      return undefined
    }
  }

  /** Runs rc with one end of a pipe as its descriptor `mine` ^ 1, and gives the other. */
  async #popen(cmd: string, mine: 0 | 1): Promise<{ fd: number; pid: number }> {
    const { sys } = this
    const [a, b] = await sys.pipe()
    const others = this.#open.flatMap(f => [f.out?.fd ?? f.in!.fd]).filter(fd => fd > 2)
    const pid = await sys.rfork(RFPROC | RFFDG, async child => {
      await child.dup(b, mine === 0 ? 1 : 0)
      for (const fd of [a, b, ...others]) await child.close(fd)
      return child.exec('/bin/rc', ['rc', '-c', totext(cmd)])
    })
    await sys.close(b)
    return { fd: a, pid }
  }

  /** Waits for a child; its exit string. */
  async #wait(pid: number): Promise<string> {
    for (;;) {
      const msg = this.#ended.get(pid)
      if (msg !== undefined) {
        this.#ended.delete(pid)
        return msg
      }
      try {
        const w = await this.sys.wait()
        this.#ended.set(w.pid, w.msg)
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
        return 'No loved ones to wait for'
      }
    }
  }

  /** Runs a command: 0, or 1 when it fails. */
  async system(cmd: string): Promise<number> {
    await this.flush()
    const pid = await this.sys.rfork(RFPROC | RFFDG, child => child.exec('/bin/rc', ['rc', '-c', totext(cmd)]))
    return (await this.#wait(pid)) === '' ? 0 : 1
  }

  /** Closes all that is open under the name. */
  async close(name: string): Promise<void> {
    const all = this.#open.filter(f => f.name === name)
    this.#open = this.#open.filter(f => f.name !== name)
    for (const f of all) await this.#close(f)
  }

  async #close(f: Open): Promise<void> {
    await f.out?.flush(this.sys)
    const fd = f.out?.fd ?? f.in!.fd
    if (fd > 2) await this.sys.close(fd)
    if (f.pid !== undefined) await this.#wait(f.pid)
  }

  async closeall(): Promise<void> {
    await this.flush()
    const all = this.#open
    this.#open = []
    for (const f of all) await this.#close(f)
  }

  /** Writes out what waits, standard output first. */
  async flush(): Promise<void> {
    await this.stdout.flush(this.sys)
    for (const f of this.#open) if (f.out !== undefined && f.out.length > 0) await f.out.flush(this.sys)
  }

  async complain(msg: string): Promise<void> {
    await this.stdout.flush(this.sys)
    await eprint(this.sys, totext(msg))
  }
}
