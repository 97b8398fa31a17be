import { Ebadarg, Eintr, Enovmem, ERRMAX, PlanError } from '../../plan9/error.ts'
import { addr, arg, marshal, string } from './args.ts'
import { Guest, type Reply } from './guest.ts'
import {
  BY2PG,
  FRAME,
  FXAREA,
  FXSIZE,
  KPD,
  KZERO,
  MACH,
  Mcr2,
  Mfxrstor,
  Mfxsave,
  Midle,
  Mnewcr3,
  NFX,
  Uax,
  Uecode,
  Upc,
  Usp,
  Utrap,
  Uwords,
  Vboot,
  Virq0,
  Vpf,
  Vsyscall,
} from './layout.ts'
import { Badaddr, Image, Nomem, Pagein, Pages, Space, USTKTOP } from './mem.ts'
import type { Down, Up } from './protocol.ts'
import * as nr from './protocol.ts'
import { Sems } from './sems.ts'
import type { X86 } from './v86.ts'

/** Programs on the processor: who runs, what their traps mean, and what they may have of the kernel's by asking. */

/** Milliseconds of a turn. */
const SLICE = 10
/** Turns of those that come from waiting, before one of the others'. */
const FAIR = 50
/** Bytes of the Tos at the top of a stack, and where the pid is in it. */
const TOSSIZE = 56
const TOSPID = 48
const UREGSIZE = 4 * Uwords
/** What noted(2) may be told, but for NDFLT. */
const NCONT = 0
const NSAVE = 2
const NRSTR = 3

const Enomemory = 'Killed: Insufficient physical memory'
const Egreg = 'jmk added reentrancy for threads'

const excname: Readonly<Record<number, string>> = {
  0: 'divide error',
  1: 'debug exception',
  2: 'nonmaskable interrupt',
  4: 'overflow',
  5: 'bounds check',
  6: 'invalid opcode',
  7: 'coprocessor not available',
  8: 'double fault',
  9: 'coprocessor segment overrun',
  10: 'invalid TSS',
  11: 'segment not present',
  12: 'stack exception',
  13: 'general protection violation',
  16: 'coprocessor error',
  17: 'alignment check',
  18: 'machine check',
  19: 'simd error',
}

/** 0x and hexadecimal digits. */
function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** At most max bytes of s with a NUL behind them, not within a rune. */
function cstring(s: string, max: number): Uint8Array {
  const out = new Uint8Array(max)
  return out.subarray(0, encoder.encodeInto(s, out.subarray(0, max - 1)).written + 1)
}

export class Machine {
  private x86!: X86
  private pages!: Pages
  private readonly send: (ups: Up[]) => void
  private ups: Up[] = []
  private readonly inbox: Down[] = []
  private readonly guests = new Map<number, Guest>()
  /** Executable files, by the kernel's number; the one executed last is last. */
  private readonly images = new Map<number, Image>()
  private readonly asked = new Set<string>()
  /** Requests of /proc that wait for bytes of a file. */
  private peeks: Down[] = []
  private readonly sems = new Sems((p, late) => {
    p.wait = undefined
    this.ready(p)
    if (late) this.post([])
  })
  private readonly fxfree: number[] = []
  private fxfresh = 0
  private children = 0
  private seq = 0

  /** Whose registers the processor has. */
  private cur: Guest | undefined
  /** Whose floating-point state is on its way to memory. */
  private saving: Guest | undefined
  /** Who can go on: those that have waited for something, and those whose turn was over. */
  private readonly woken: Guest[] = []
  private readonly spent: Guest[] = []
  /** How many of the woken had their turn since one of the spent had. */
  private passed = 0
  private idle = false
  private preempt = false
  private slice = 0
  /** The address space that the processor is in. */
  private space: Space | undefined
  /** Address spaces to be given back once the processor has left them. */
  private trash: Space[] = []

  constructor(send: (ups: Up[]) => void) {
    this.send = send
  }

  start(x86: X86): void {
    this.x86 = x86
    this.pages = new Pages(x86)
    this.pages.reclaim = () => this.reclaim()
    x86.run()
  }

  /** What is in use: bytes of memory, those of them that are kept of files for their next run; guests, places of floating-point states. */
  get usage(): { memory: number; files: number; guests: number; fx: number } {
    let files = 0
    for (const image of this.images.values()) files += image.text.size * BY2PG
    const fx = this.fxfresh - this.fxfree.length
    return { memory: this.pages.used, files, guests: this.guests.size, fx }
  }

  /** Messages of the kernel: seen to where the processor is in nobody's middle. */
  post(downs: Down[]): void {
    this.inbox.push(...downs)
    if (!this.idle) return
    this.x86.attend()
    this.drain()
    if (this.waiting) this.x86.wake()
    this.flush()
  }

  private up(u: Up): void {
    this.ups.push(u)
  }

  private flush(): void {
    if (this.ups.length === 0) return
    this.send(this.ups)
    this.ups = []
  }

  pause(): void {
    this.flush()
  }

  tick(now: number): boolean {
    if (this.idle) return this.waiting
    return this.inbox.length > 0 || (this.waiting && now - this.slice > SLICE)
  }

  trap(): void {
    const { mem32 } = this.x86
    const mach = MACH >> 2
    const frame = FRAME >> 2
    const again = mem32[mach + Midle]! < 0
    mem32[mach + Midle] = mem32[mach + Mfxsave] = mem32[mach + Mfxrstor] = mem32[mach + Mnewcr3] = 0
    this.idle = false
    if (this.trash.length > 0) for (const space of this.trash.splice(0)) space.free()
    if (again) {
      const p = this.saving!
      this.saving = this.cur = undefined
      if (p.child) this.x86.mem8.copyWithin(p.child.fx, p.fx, p.fx + FXSIZE)
      p.child = undefined
      // One that came with its system call.
      if (p.notes.length > 0 && !p.notified) this.deliver(p)
      this.ready(p)
    } else if (this.cur) {
      const p = this.cur
      const { regs } = p
      for (let i = 0; i < Uwords; i++) regs[i] = mem32[frame + i]!
      try {
        this.vector(p, regs[Utrap]!)
      } catch (e) {
        this.failed(p, e)
      }
    }
    if (this.inbox.length > 0) this.drain()
    this.schedule()
  }

  /** Decides what the processor does next. */
  private schedule(): void {
    const { mem32 } = this.x86
    const mach = MACH >> 2
    const was = this.cur
    if (was) {
      if (was.runnable && !this.preempt && (was.notes.length === 0 || was.notified)) {
        this.resume(was)
        return
      }
      this.preempt = false
      was.time += performance.now() - this.slice
      if (!was.dead) {
        this.saving = was
        mem32[mach + Mfxsave] = KZERO + was.fx
        mem32[mach + Midle] = -1
        return
      }
      this.cur = undefined
    }
    this.preempt = false
    for (let p = this.next(); p; p = this.next()) {
      p.queued = false
      if (!p.runnable) continue
      if (p.retry) {
        p.retry = false
        const q = p
        this.guard(q, () => this.syscall(q))
        if (!p.runnable) continue
      }
      if (p.notes.length > 0 && !p.notified) this.deliver(p)
      if (!p.runnable) continue
      this.cur = p
      this.slice = performance.now()
      mem32[mach + Mfxrstor] = KZERO + p.fx
      p.space.flush = true
      this.resume(p)
      return
    }
    mem32[mach + Midle] = 1
    mem32[mach + Mnewcr3] = KPD
    this.space = undefined
    this.idle = true
    this.flush()
  }

  private resume(p: Guest): void {
    const { mem32 } = this.x86
    const { regs } = p
    for (let i = 0, frame = FRAME >> 2; i < Uwords; i++) mem32[frame + i] = regs[i]!
    if (!p.space.flush) return
    mem32[(MACH >> 2) + Mnewcr3] = p.space.pd
    this.space = p.space
    p.space.flush = false
  }

  private ready(p: Guest): void {
    if (p === this.cur || p === this.saving || p.queued || !p.runnable) return
    p.queued = true
    if (p.spent) this.spent.push(p)
    else this.woken.push(p)
    p.spent = false
  }

  /** The woken come first, so that who computes all the time holds up nobody; but not for ever. */
  private next(): Guest | undefined {
    if (this.spent.length > 0 && (this.woken.length === 0 || ++this.passed > FAIR)) {
      this.passed = 0
      return this.spent.shift()
    }
    return this.woken.shift()
  }

  private get waiting(): boolean {
    return this.woken.length > 0 || this.spent.length > 0
  }

  /** Does f for p, and what its exceptions ask for. */
  private guard(p: Guest, f: () => void): void {
    try {
      f()
    } catch (e) {
      this.failed(p, e)
    }
  }

  private failed(p: Guest, e: unknown): void {
    if (e instanceof Pagein) {
      this.ask(p, e)
      return
    }
    if (!(e instanceof Nomem)) throw e
    // Who has most ends; whoever else asked asks again.
    let most = p
    for (const q of this.guests.values()) if (q.space.size > most.space.size) most = q
    this.exits(most, Enomemory, `suicide: ${Enomemory}`)
    this.preempt = true
  }

  private ask(p: Guest | undefined, need: Pagein): void {
    if (p) p.page = need
    const key = `${need.image.id} ${need.offset}`
    if (this.asked.has(key)) return
    this.asked.add(key)
    this.up({ t: 'pagein', image: need.image.id, offset: need.offset, n: need.n })
  }

  private vector(p: Guest, vec: number): void {
    switch (vec) {
      case Vboot:
        return
      case Virq0:
        this.preempt = p.spent = this.waiting
        return
      case Vsyscall:
        this.syscall(p)
        return
      case Vpf: {
        const addr = this.x86.mem32[(MACH >> 2) + Mcr2]! >>> 0
        const write = (p.regs[Uecode]! & 2) !== 0
        const r = p.space.fault(addr, write)
        if (r instanceof Pagein) throw r
        if (!r) this.fatal(p, `sys: trap: fault ${write ? 'write' : 'read'} addr=${hex(addr)}`)
        return
      }
      case 3:
        this.fatal(p, 'sys: breakpoint')
        return
      default:
        this.fatal(p, `sys: trap: ${excname[vec] ?? `${vec} (reserved)`}`)
    }
  }

  /** Asks for the note of a trap; the guest goes on when the kernel has posted it. */
  private fatal(p: Guest, msg: string): void {
    p.wait = { k: 'trap' }
    this.up({ t: 'trap', id: p.id, msg: `${msg} pc=${hex(p.pc)}`, time: this.time(p) })
  }

  /** Milliseconds that p has computed. */
  private time(p: Guest): number {
    return p.time + (p === this.cur ? performance.now() - this.slice : 0)
  }

  /** p is over, by its own doing. */
  private exits(p: Guest, status: string, print?: string): void {
    this.up({ t: 'exits', id: p.id, status, time: this.time(p), ...(print !== undefined && { print }) })
    this.kill(p)
  }

  private kill(p: Guest): void {
    if (p.dead) return
    p.dead = true
    this.sems.cancel(p)
    this.guests.delete(p.id)
    this.fxfree.push(p.fx)
    if (p.space === this.space) this.trash.push(p.space)
    else p.space.free()
  }

  private reclaim(): boolean {
    for (const image of this.images.values()) if (image.users === 0 && image.forget()) return true
    return false
  }

  private newguest(id: number, space: Space): Guest {
    const slot = this.fxfree.pop() ?? (this.fxfresh < NFX ? FXAREA + this.fxfresh++ * FXSIZE : 0)
    if (slot === 0) {
      space.free()
      throw new Nomem()
    }
    const p = new Guest(id, space, slot)
    this.guests.set(id, p)
    return p
  }

  // Messages of the kernel.

  private drain(): void {
    for (const d of this.inbox.splice(0)) this.down(d)
  }

  private down(d: Down): void {
    if (d.t === 'page') {
      this.filled(d)
      return
    }
    if (d.t === 'exec') {
      this.exec(d)
      return
    }
    if (d.t === 'forget') {
      this.images.get(d.image)?.forget()
      this.images.delete(d.image)
      return
    }
    const p = this.guests.get(d.id)
    switch (d.t) {
      case 'kill':
        if (p) this.kill(p)
        return
      case 'fork':
        if (p) this.forked(p, d.pid)
        return
      case 'reply':
        p && this.reply(p, d)
        return
      case 'note':
        if (!p) return
        p.notes.push(d.msg)
        // The one that runs is seen to when its registers are saved.
        if (p !== this.cur && p !== this.saving && !p.notified) this.deliver(p)
        return
      case 'hold':
        if (!p) return
        p.held = d.on
        if (d.on) this.up({ t: 'held', id: d.id, call: p.wait?.k === 'call' })
        else this.ready(p)
        return
      case 'peek':
        this.peek(p, d)
        return
    }
  }

  private filled(d: Extract<Down, { t: 'page' }>): void {
    this.asked.delete(`${d.image} ${d.offset}`)
    let need: Pagein | undefined
    const waiting: Guest[] = []
    for (const p of this.guests.values())
      if (p.page?.image.id === d.image && p.page.offset === d.offset) {
        need = p.page
        waiting.push(p)
      }
    const image = this.images.get(d.image)
    if (image && !d.err)
      try {
        image.fill(need ?? new Pagein(image, d.offset, d.bytes.length), d.bytes)
      } catch (e) {
        if (!(e instanceof Nomem)) throw e
        for (const p of waiting) this.exits(p, Enomemory)
      }
    for (const p of waiting) {
      p.page = undefined
      if (d.err) this.exits(p, `sys: page read error: ${d.err}`, `sys: page read error: ${d.err}`)
      else if (p.notes.length > 0 && !p.notified && !p.dead) this.deliver(p)
      this.ready(p)
    }
    for (const peek of this.peeks.splice(0))
      if (peek.t === 'peek') {
        if (d.err) this.up({ t: 'peeked', id: peek.id, seq: peek.seq, data: new Uint8Array(0), err: d.err })
        else this.down(peek)
      }
  }

  /** Makes the guest that runs an a.out from its start: its stack as exec(2) has it. */
  private exec(d: Extract<Down, { t: 'exec' }>): void {
    const old = this.guests.get(d.from)
    let image = this.images.get(d.image)
    if (image) this.images.delete(d.image)
    else {
      image = new Image(this.pages, d.image, d.header)
      this.x86.cold()
    }
    this.images.set(d.image, image)
    try {
      const space = new Space(this.pages)
      space.exec(image)
      if (old) space.inherit(old.space)
      const p = this.newguest(d.id, space)
      const strings = encoder.encode(d.argv.map(a => `${a}\0`).join(''))
      const nbytes = TOSSIZE + strings.length
      let ssize = 4 * (d.argv.length + 1) + ((nbytes + 3) & ~3)
      if ((ssize + 4) & 7) ssize += 4
      const sp = USTKTOP - ssize - 4
      const words = new Int32Array(d.argv.length + 2)
      words[0] = d.argv.length
      let at = USTKTOP - nbytes
      d.argv.forEach((a, i) => {
        words[i + 1] = at
        at += encoder.encode(a).length + 1
      })
      space.copyout(sp, new Uint8Array(words.buffer))
      space.copyout(USTKTOP - nbytes, strings)
      const tos = new Uint8Array(TOSSIZE)
      new DataView(tos.buffer).setInt32(TOSPID, d.pid, true)
      space.copyout(USTKTOP - TOSSIZE, tos)
      p.regs[Uax] = USTKTOP - TOSSIZE
      p.regs[Usp] = sp
      p.regs[Upc] = d.header.entry
      p.sane()
      this.freshfx(p)
      this.ready(p)
    } catch (e) {
      if (!(e instanceof Nomem)) throw e
      this.up({ t: 'exits', id: d.id, status: Enomemory, time: 0 })
    }
    if (old) this.kill(old)
  }

  /** As FXSAVE writes it: no register in use; Plan 9's control word: 53 bits, and exceptions that it wants to hear of. */
  private freshfx(p: Guest): void {
    const { mem8, mem32 } = this.x86
    mem8.fill(0, p.fx, p.fx + FXSIZE)
    mem32[p.fx >> 2] = 0x0232
    mem32[(p.fx >> 2) + 6] = 0x1f80
    mem32[(p.fx >> 2) + 7] = 0xffff
  }

  // Notes.

  /** Makes p, which does not run, begin its handler; unless it has to wait for a page first. */
  private deliver(p: Guest): void {
    if (p.page || p.dead || p.wait?.k === 'fork' || p.wait?.k === 'exit') return
    const { space, regs } = p
    const msg = p.notes[0]!
    const usp = regs[Usp]! >>> 0
    const ureg = usp - 256 - UREGSIZE
    const text = ureg - 4 - ERRMAX
    const sp = text - 12
    if (!p.notify || sp < 0 || !space.ok(p.notify, 1, false) || !space.ok(sp, usp - 256 - sp, true)) {
      this.exits(p, 'Suicide', 'suicide: bad address in notify')
      return
    }
    const interrupted = p.wait?.k === 'sem' ? Eintr : undefined
    const words = regs.slice()
    if (p.wait?.k === 'call' || interrupted) words[Uax] = -1
    this.guard(p, () => {
      space.copyout(ureg, new Uint8Array(words.buffer))
      space.copyout(text, cstring(msg, ERRMAX))
      space.copyout(sp, new Uint8Array(new Int32Array([0, ureg, text]).buffer))
      space.copyout(ureg - 4, new Uint8Array(new Int32Array([p.ureg]).buffer))
      p.notes.shift()
      if (interrupted) {
        this.sems.cancel(p)
        p.wait = undefined
        p.errstr = interrupted
        regs[Uax] = -1
      }
      const { mem8 } = this.x86
      p.saved.push({ wait: p.wait, retry: p.retry, pc: p.pc, sp: usp, fx: mem8.slice(p.fx, p.fx + FXSIZE) })
      p.wait = undefined
      p.retry = false
      p.notified = true
      p.ureg = ureg
      regs[Usp] = sp
      regs[Upc] = p.notify
      p.sane()
    })
    this.ready(p)
  }

  private noted(p: Guest, arg: number): void {
    const { space, regs } = p
    if (arg !== NRSTR && !p.notified) throw new PlanError(Egreg)
    const oureg = p.ureg
    if (oureg === 0 || !space.ok(oureg - 4, UREGSIZE + 4, false)) {
      this.exits(p, 'Suicide', 'bad ureg in noted or call to noted when not notified')
      return
    }
    const words = new Int32Array(space.copyin(oureg - 4, UREGSIZE + 4).buffer)
    if (arg !== NCONT && arg !== NSAVE && arg !== NRSTR) {
      p.notified = false
      p.wait = { k: 'exit' }
      this.up({ t: 'noted', id: p.id, cont: false })
      return
    }
    const saved = p.saved.at(-1)
    regs.set(words.subarray(1))
    p.sane()
    if (!space.ok(p.pc, 1, false) || !space.ok(regs[Usp]! >>> 0, 4, false)) {
      this.exits(p, 'Suicide', 'suicide: trap in noted')
      return
    }
    p.notified = false
    this.up({ t: 'noted', id: p.id, cont: true })
    if (arg === NSAVE) {
      const sp = oureg - 16 - ERRMAX
      space.copyout(sp, new Uint8Array(new Int32Array([0, oureg]).buffer))
      regs[Usp] = sp
      return
    }
    p.ureg = words[0]! >>> 0
    p.saved.pop()
    if (!saved) return
    // The state to go on with is the saved one: what the processor has now is forgotten.
    this.x86.mem8.set(saved.fx, p.fx)
    if (this.cur === p) this.cur = undefined
    const { wait } = saved
    if (p.pc === saved.pc && regs[Usp]! >>> 0 === saved.sp) {
      p.retry = saved.retry
      if (wait?.k === 'call') {
        p.wait = wait
        if (wait.reply) this.reply(p, wait.reply)
      }
    }
    this.ready(p)
  }

  // System calls.

  private syscall(p: Guest): void {
    try {
      this.call(p, p.regs[Uax]!)
    } catch (e) {
      if (e instanceof Pagein || e instanceof Nomem) {
        p.retry = true
        throw e
      }
      if (!(e instanceof PlanError || e instanceof Badaddr)) throw e
      p.regs[Uax] = -1
      p.errstr = e instanceof PlanError ? e.message : Ebadarg
      if (e instanceof Badaddr) this.fatal(p, 'sys: bad address in syscall')
    }
  }

  /** The calls that need nothing of the kernel's are done here. @throws PlanError, Badaddr, Pagein, Nomem */
  private call(p: Guest, num: number): void {
    const { space, regs } = p
    switch (num) {
      case nr.SYSR1:
        regs[Uax] = 0
        return
      case nr.ERRSTR:
        this.errstr(p, addr(p, 0), Math.min(addr(p, 1), ERRMAX))
        return
      case nr._ERRSTR:
        this.errstr(p, addr(p, 0), 64)
        return
      case nr.BRK_:
        regs[Uax] = space.brk(addr(p, 0))
        return
      case nr.SEGBRK:
        regs[Uax] = space.segbrk(addr(p, 0), addr(p, 1))
        return
      case nr.SEGATTACH:
        regs[Uax] = space.segattach(arg(p, 0), string(p, 1), addr(p, 2), addr(p, 3))
        return
      case nr.SEGDETACH:
        space.segdetach(addr(p, 0))
        regs[Uax] = 0
        return
      case nr.SEGFREE:
        space.segfree(addr(p, 0), addr(p, 1))
        regs[Uax] = 0
        return
      case nr.SEGFLUSH:
        regs[Uax] = 0
        return
      case nr.NOTIFY: {
        const f = addr(p, 0)
        if (f !== 0 && !space.ok(f, 4, false)) throw new Badaddr()
        if ((f !== 0) !== (p.notify !== 0)) this.up({ t: 'notify', id: p.id, on: f !== 0 })
        p.notify = f
        regs[Uax] = 0
        return
      }
      case nr.NOTED:
        this.noted(p, arg(p, 0))
        return
      case nr.SEMACQUIRE:
        this.sems.acquire(p, arg(p, 1) !== 0)
        return
      case nr.TSEMACQUIRE:
        this.sems.acquire(p, true, addr(p, 1))
        return
      case nr.SEMRELEASE:
        this.sems.release(p, arg(p, 1))
        return
      case nr.EXITS: {
        const va = addr(p, 0)
        const b = va === 0 ? new Uint8Array(0) : (space.string(va, ERRMAX) ?? space.copyin(va, ERRMAX - 1))
        this.exits(p, decoder.decode(b))
        return
      }
      case nr.SLEEP:
        if (arg(p, 0) <= 0) {
          regs[Uax] = 0
          this.preempt = p.spent = true
          return
        }
        this.remote(p, num)
        return
      default:
        this.remote(p, num)
        return
    }
  }

  private errstr(p: Guest, va: number, n: number): void {
    if (n === 0) throw new PlanError(Ebadarg)
    if (!p.space.ok(va, n, true)) throw new Badaddr()
    const b = p.space.string(va, n) ?? p.space.copyin(va, n - 1)
    p.space.copyout(va, cstring(p.errstr, n))
    p.errstr = decoder.decode(b)
    p.regs[Uax] = 0
  }

  private remote(p: Guest, num: number): void {
    const sig = nr.signature[num]
    if (sig === undefined) {
      const name = nr.old[num]
      if (name) throw new PlanError(`${name}: old system call`)
      p.regs[Uax] = -1
      p.errstr = Ebadarg
      this.fatal(p, `sys: bad sys call ${num}`)
      return
    }
    const { args, out, max } = marshal(p, sig)
    let child: Guest | undefined
    if (num === nr.RFORK && (args[0] as number) & 0x10) child = this.rfork(p, ((args[0] as number) & 0x20) !== 0)
    const seq = ++this.seq
    p.wait = { k: 'call', seq, out, max }
    const handling = p.notified
    this.up({ t: 'call', id: p.id, seq, num, args, handling, time: this.time(p), ...(child && { child: child.id }) })
  }

  /** The child of p, which waits until there is a process for it. */
  private rfork(p: Guest, shared: boolean): Guest {
    let child: Guest
    try {
      child = this.newguest(--this.children, p.space.fork(shared))
    } catch (e) {
      if (e instanceof Nomem) throw new PlanError(Enovmem)
      throw e
    }
    child.regs.set(p.regs)
    child.regs[Uax] = 0
    child.errstr = p.errstr
    child.notify = p.notify
    child.ureg = p.ureg
    child.wait = { k: 'fork' }
    if (p === this.cur) p.child = child
    else this.x86.mem8.copyWithin(child.fx, p.fx, p.fx + FXSIZE)
    return child
  }

  private reply(p: Guest, d: Reply): void {
    const { wait } = p
    if (wait?.k !== 'call' || wait.seq !== d.seq) {
      for (const s of p.saved) if (s.wait?.k === 'call' && s.wait.seq === d.seq) s.wait.reply = d
      return
    }
    p.wait = undefined
    this.guard(p, () => {
      p.regs[Uax] = d.err === undefined ? d.r : -1
      if (d.err !== undefined) p.errstr = d.err
      try {
        if (d.out) p.space.copyout(wait.out, d.out.length > wait.max ? d.out.subarray(0, wait.max) : d.out)
      } catch (e) {
        if (!(e instanceof Badaddr || e instanceof Nomem)) throw e
        p.regs[Uax] = -1
        p.errstr = e instanceof Nomem ? Enovmem : Ebadarg
      }
    })
    this.ready(p)
  }

  private forked(child: Guest, pid: number): void {
    child.wait = undefined
    this.guard(child, () =>
      child.space.copyout(USTKTOP - TOSSIZE + TOSPID, new Uint8Array(new Int32Array([pid]).buffer)),
    )
    this.ready(child)
  }

  // /proc.

  private peek(p: Guest | undefined, d: Extract<Down, { t: 'peek' }>): void {
    let data = new Uint8Array(0)
    let err: string | undefined
    try {
      if (!p) throw new PlanError('process exited')
      switch (d.what) {
        case 'segment':
          data = encoder.encode(p.space.lines()).slice(d.addr, d.addr + d.n)
          break
        case 'regs':
          if (d.data) {
            if (d.addr + d.data.length > UREGSIZE) throw new PlanError(Ebadarg)
            new Uint8Array(p.regs.buffer).set(d.data, d.addr)
            p.sane()
          } else data = new Uint8Array(p.regs.slice().buffer).slice(d.addr, d.addr + d.n)
          break
        case 'mem':
          if (d.data) p.space.copyout(d.addr, d.data)
          else {
            const s = p.space.find(d.addr)
            if (!s) throw new PlanError(Ebadarg)
            data = p.space.copyin(d.addr, Math.min(d.n, s.top - d.addr))
          }
      }
    } catch (e) {
      if (e instanceof Pagein) {
        this.peeks.push(d)
        this.ask(undefined, e)
        return
      }
      if (e instanceof PlanError) err = e.message
      else if (e instanceof Badaddr) err = Ebadarg
      else if (e instanceof Nomem) err = Enovmem
      else throw e
    }
    this.up({ t: 'peeked', id: d.id, seq: d.seq, data, ...(err !== undefined && { err }) })
  }
}
