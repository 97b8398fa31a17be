import { Ebadarg, PlanError } from '../../plan9/error.ts'
import { TIMEMAX } from '../../plan9/kernel/portdat.ts'
import { addr } from './args.ts'
import type { Guest, Wait } from './guest.ts'
import { Uax } from './layout.ts'
import { Badaddr, Pagein, type Segment } from './mem.ts'

/** semacquire(2): who waits is found by the segment, which those who share it have in common. */
export class Sems {
  private readonly sems = new Map<Segment, Map<number, Guest[]>>()
  /** Lets one go on that waited; late, where its time was over. */
  private readonly wake: (p: Guest, late: boolean) => void

  constructor(wake: (p: Guest, late: boolean) => void) {
    this.wake = wake
  }

  private sem(p: Guest): { seg: Segment; offset: number; word: number } {
    const va = addr(p, 0)
    const seg = p.space.find(va)
    if (va & 3) throw new Badaddr()
    if (!seg || seg.rdonly) throw new Badaddr()
    const pa = p.space.translate(va, true)
    if (pa instanceof Pagein) throw pa
    if (pa === false) throw new Badaddr()
    if (p.space.pages.ram.mem32[pa >> 2]! < 0) throw new PlanError(Ebadarg)
    return { seg, offset: va - seg.base, word: pa >> 2 }
  }

  acquire(p: Guest, block: boolean, ms?: number): void {
    const { seg, offset, word } = this.sem(p)
    const { mem32 } = p.space.pages.ram
    if (mem32[word]! > 0) {
      mem32[word]!--
      p.regs[Uax] = 1
      return
    }
    p.regs[Uax] = 0
    if (!block || ms === 0) return
    const wait: Wait = { k: 'sem', seg, offset }
    if (ms !== undefined)
      wait.timer = setTimeout(
        () => {
          if (p.wait !== wait) return
          this.cancel(p)
          this.wake(p, true)
        },
        Math.min(ms, TIMEMAX),
      )
    p.wait = wait
    let byoffset = this.sems.get(seg)
    if (!byoffset) this.sems.set(seg, (byoffset = new Map()))
    const list = byoffset.get(offset)
    if (list) list.push(p)
    else byoffset.set(offset, [p])
  }

  release(p: Guest, delta: number): void {
    const { seg, offset, word } = this.sem(p)
    const { mem32 } = p.space.pages.ram
    if (delta < 0) throw new PlanError(Ebadarg)
    mem32[word]! += delta
    p.regs[Uax] = mem32[word]!
    const list = this.sems.get(seg)?.get(offset)
    while (list && list.length > 0 && mem32[word]! > 0) {
      const q = list[0]!
      mem32[word]!--
      this.cancel(q)
      q.regs[Uax] = 1
      this.wake(q, false)
    }
  }

  /** p waits for no semaphore any more. */
  cancel(p: Guest): void {
    const { wait } = p
    if (wait?.k !== 'sem') return
    clearTimeout(wait.timer)
    const byoffset = this.sems.get(wait.seg)
    const list = byoffset?.get(wait.offset)
    if (!byoffset || !list) return
    list.splice(list.indexOf(p), 1)
    if (list.length === 0) byoffset.delete(wait.offset)
    if (byoffset.size === 0) this.sems.delete(wait.seg)
  }
}
