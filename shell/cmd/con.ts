import { OCEXEC, ORDWR, OWRITE } from '../../plan9/9p/const.ts'
import { Eintr } from '../../plan9/error.ts'
import { PNPROC, type Program, RFFDG, RFMEM, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { dial, netmkaddr } from './dial.ts'

const help = 'usage: con [-CdnrRsTv] [-b baud] [-l [user]] [-c cmd] [-S svc] net!host[!service]'
const menuhelp = '\t(b)reak, (q)uit, (i)nterrupt, toggle printing (r)eturns, (.)continue, (!cmd)\n'

const MAXMSG = 2 * 8192
/** Control-\, which leads to the menu. */
const FS = 0x1c
const EOT = 4
const DEL = 0x7f
const nl = 0x0a
const cr = 0x0d

/** The note that ends the other of the two processes. */
const over = 'die yankee dog'

/** A terminal's two directions: one process reads the keyboard, another the network; they share their descriptors. */
class Con {
  readonly sys: Sys
  net = -1
  /** The connection's control file, for breaks. */
  ctl = -1
  cooked = false
  debug = false
  /** Carriage returns from the network are shown, or made newlines. */
  returns = true
  crtonl = false
  nltocr = false
  strip = false
  /** The connection stays when the input has ended. */
  stay = false
  srv: string | undefined
  #consctl = -1
  #raw = false
  /** Where what comes from the network goes: to a command, while one runs. */
  #outfd = 1

  constructor(sys: Sys) {
    this.sys = sys
  }

  async raw(on: boolean): Promise<void> {
    if (this.debug) await eprint(this.sys, on ? 'rawon\n' : 'rawoff\n')
    if (this.#raw === on) return
    if (this.#consctl < 0) this.#consctl = (await attempt(this.sys.open('/dev/consctl', OWRITE | OCEXEC))) ?? -1
    if (this.#consctl < 0) return
    await write(this.sys, this.#consctl, on ? 'rawon' : 'rawoff')
    this.#raw = on
  }

  /** Runs a command with the connection as its standard input and output. @returns its status */
  async system(cmd: string): Promise<string> {
    const { sys, net } = this
    const [theirs, mine] = await sys.pipe()
    this.#outfd = mine
    const pid = await sys.rfork(RFPROC | RFFDG, async child => {
      await child.dup(theirs, 0)
      await child.dup(net, 1)
      for (const fd of [mine, theirs, net]) await child.close(fd)
      try {
        return await child.exec('/bin/rc', cmd === '' ? ['rc'] : ['rc', '-c', cmd])
      } catch (e) {
        await eprint(child, `con: ${r(e)}\n`)
        return 'exec'
      }
    })
    await sys.close(theirs)
    for (;;) {
      const b = await attempt(sys.read(mine, MAXMSG))
      if (b === undefined || b.length === 0) break
      await write(sys, net, b)
    }
    this.#outfd = 1
    await sys.close(mine)
    for (;;) {
      const w = await attempt(sys.wait())
      if (w === undefined) return 'lost child'
      if (w.pid === pid) return w.msg
    }
  }

  /** What is typed after control-\. False ends the connection. */
  async #menu(): Promise<boolean> {
    const { sys } = this
    const wasraw = this.#raw
    if (wasraw) await this.raw(false)
    try {
      for (;;) {
        await eprint(sys, '>>> ')
        const b = await attempt(sys.read(0, MAXMSG))
        if (b === undefined || b.length === 0) return false
        const line = text(b)
        switch (line[0]) {
          case '!':
            await write(sys, 1, line)
            await this.system(line.slice(1).replace(/\n$/, ''))
            await write(sys, 1, '!\n')
            return true
          case '.':
            return true
          case 'q':
            return false
          case 'i':
            await write(sys, this.net, Uint8Array.of(FS))
            return true
          case 'b':
            if (this.ctl >= 0) await write(sys, this.ctl, 'k')
            return true
          case 'r':
            this.returns = !this.returns
            return true
          default:
            await eprint(sys, menuhelp)
        }
      }
    } finally {
      if (wasraw) await this.raw(true)
    }
  }

  /** Keyboard to network, until the input ends, or is quit, or the network is gone. */
  async #fromkbd(): Promise<void> {
    const { sys } = this
    for (let eofs = 0; eofs <= 32; ) {
      let b: Uint8Array
      try {
        b = await sys.read(0, MAXMSG)
      } catch (e) {
        if (r(e) !== Eintr) return
        if (this.#raw) continue
        b = Uint8Array.of(DEL)
      }
      eofs = b.length === 0 ? eofs + 1 : 0
      if (b.includes(FS)) {
        if (!(await this.#menu())) return
        continue
      }
      if (b.length === 0) {
        if (this.#raw) continue
        b = Uint8Array.of(EOT)
      }
      if (this.nltocr) b = b.map(c => (c === nl ? cr : c === cr ? nl : c))
      if ((await attempt(write(sys, this.net, b).then(() => true))) === undefined) return
    }
  }

  /** Network to screen, until the network ends. */
  async #fromnet(sys: Sys): Promise<void> {
    for (;;) {
      let b: Uint8Array
      try {
        b = await sys.read(this.net, MAXMSG)
      } catch (e) {
        if (r(e) !== Eintr) return
        continue
      }
      if (b.length === 0) return
      if (this.strip) b = b.map(c => c & 0x7f)
      if (this.crtonl) b = b.map(c => (c === cr ? nl : c))
      else if (!this.returns) b = b.filter(c => c !== cr)
      if (b.length === 0) continue
      const put = (fd: number) => attempt(write(sys, fd, b).then(() => true))
      if ((await put(this.#outfd)) !== undefined) continue
      if (this.#outfd === 1) return
      this.#outfd = 1
      if ((await put(1)) === undefined) return
    }
  }

  /** Puts a pipe, posted in /srv, in the place of standard input and output. @throws PlanError */
  async #post(file: string): Promise<void> {
    const { sys } = this
    const [posted, mine] = await sys.pipe()
    const f = await sys.create(file, OWRITE, 0o666)
    await write(sys, f, String(posted))
    await sys.close(f)
    await sys.close(posted)
    await sys.dup(mine, 0)
    await sys.dup(mine, 1)
    await sys.close(mine)
  }

  async run(): Promise<string> {
    const { sys } = this
    if (!this.cooked) await this.raw(true)
    let svc: string | undefined
    if (this.srv !== undefined) {
      svc = this.srv.startsWith('/') ? this.srv : `/srv/${this.srv}`
      try {
        await this.#post(svc)
      } catch (e) {
        return sysfatal(sys, 'con', `create ${svc}: ${r(e)}`)
      }
    }
    const ignore = (note: string) => note === 'interrupt' || note === 'hangup' || note.includes('closed pipe')
    const unpost = (sys: Sys) => (svc === undefined ? undefined : attempt(sys.remove(svc)))
    const netpid = await sys.rfork(RFPROC | RFMEM, async child => {
      child.notify(ignore)
      await this.#fromnet(child)
      await unpost(child)
      await attempt(child.postnote(PNPROC, sys.pid, over))
      return ''
    })
    // Nothing is wrong when the other end has hung up.
    sys.notify(note => (note === over ? sys.exits('') : ignore(note)))
    await this.#fromkbd()
    await unpost(sys)
    while (this.stay) await attempt(sys.sleep(1000))
    await attempt(sys.postnote(PNPROC, netpid, over))
    return ''
  }
}

const con: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const c = new Con(sys)
  let baud = 0
  let verbose = false
  let cmd: string | undefined
  let user: string | undefined
  const usage = () => sysfatal(sys, 'con', help)
  for (const f of arg)
    if (f === 'b') baud = atoi(arg.argf() ?? (await usage()))
    else if (f === 'C') c.cooked = true
    else if (f === 'c') cmd = arg.argf() ?? (await usage())
    else if (f === 'd') c.debug = true
    else if (f === 'n') c.stay = true
    else if (f === 'r') c.returns = false
    else if (f === 's') c.strip = true
    else if (f === 'S') c.srv = arg.argf() ?? (await usage())
    else if (f === 'R') c.nltocr = true
    else if (f === 'T') c.crtonl = true
    else if (f === 'v') verbose = true
    else if (f === 'l') {
      // The user of a BSD login that there is not; by itself it is where to go.
      if (arg.argv[0] !== undefined && !arg.argv[0].startsWith('-')) user = arg.argf()
    } else await usage()
  const dest = arg.argv.length === 1 ? arg.argv[0] : user
  if (dest === undefined) return usage()

  if (dest.startsWith('/') && !dest.includes('!')) {
    try {
      c.net = await sys.open(dest, ORDWR)
    } catch (e) {
      await eprint(sys, `con: cannot open ${dest}: ${r(e)}\n`)
      return 'open'
    }
    const ctl = await attempt(sys.open(`${dest}ctl`, ORDWR), async err => {
      if (baud > 0) await eprint(sys, `con: cannot open ${dest}ctl: ${err}\n`)
    })
    c.ctl = ctl ?? -1
    if (ctl !== undefined && baud > 0) await write(sys, ctl, `b${baud} i1`)
  } else {
    const addr = netmkaddr(dest, 'net', 'telnet')
    try {
      c.net = await dial(sys, addr)
    } catch (e) {
      const err = r(e)
      if (verbose) await eprint(sys, `'${err}' calling ${addr}\n`)
      return sysfatal(sys, 'con', err)
    }
    await eprint(sys, `connected to ${addr}\n`)
  }
  if (cmd !== undefined) {
    const status = await c.system(cmd)
    if (status !== '') {
      await write(sys, 1, `con: ${cmd} terminated with ${status}\n`)
      return status
    }
  }
  return c.run()
}
export default con
