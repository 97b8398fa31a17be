import { Eiotoobig, Etoobig, PlanError } from '../../plan9/error.ts'
import type { Guest } from './guest.ts'
import { BY2PG, Usp } from './layout.ts'
import { Badaddr, Pagein } from './mem.ts'
import { ARGMAX, ARGSIZE, type Arg } from './protocol.ts'

/** The arguments of a system call, where the program has put them. All of these throw PlanError, Badaddr, Pagein or Nomem. */

/** Bytes of one read or write, at most. */
const MAXIO = 64 * 1024 * 1024
const STRMAX = 64 * 1024

const decoder = new TextDecoder()

/** Argument i, of 4 bytes. */
export function arg(p: Guest, i: number): number {
  const va = (p.regs[Usp]! >>> 0) + 4 + 4 * i
  if ((va & 3) === 0) {
    const pa = p.space.translate(va, false)
    if (pa instanceof Pagein) throw pa
    if (pa === false) throw new Badaddr()
    return p.space.pages.ram.mem32[pa >> 2]!
  }
  return new DataView(p.space.copyin(va, 4).buffer).getInt32(0, true)
}

export function addr(p: Guest, i: number): number {
  return arg(p, i) >>> 0
}

export function string(p: Guest, i: number): string {
  const b = p.space.string(addr(p, i), STRMAX)
  if (!b) throw new PlanError('name too long')
  return decoder.decode(b)
}

function strings(p: Guest, va0: number): string[] {
  const list: string[] = []
  let all = 0
  for (let va = va0; ; va += 4) {
    const at = new DataView(p.space.copyin(va, 4).buffer).getUint32(0, true)
    if (at === 0) return list
    const b = p.space.string(at, ARGMAX)
    if (!b || (all += b.length + ARGSIZE) > ARGMAX) throw new PlanError(Etoobig)
    list.push(decoder.decode(b))
  }
}

/** What goes to the kernel, and where in the program what comes back is put: at most max bytes at out. */
export interface Remote {
  args: Arg[]
  out: number
  max: number
}

/** The arguments that `sig`, one of the protocol's signatures, tells of. */
export function marshal(p: Guest, sig: string): Remote {
  const { space } = p
  const args: Arg[] = []
  let i = 0
  let out = 0
  let max = 0
  const result = (va: number, n: number) => {
    if (n > 0 && !space.ok(va, n, true)) throw new Badaddr()
    for (let at = va; at < va + n; ) {
      const s = space.find(at)!
      const end = Math.min(s.top, va + n)
      // What is in the file still has to be there before something is put beside it.
      if (s.type === 'Data')
        for (; at < end; at += BY2PG) {
          const r = space.translate(at, true)
          if (r instanceof Pagein) throw r
        }
      at = end
    }
    out = va
    max = n
  }
  for (const c of sig)
    switch (c) {
      case 'i':
        args.push(arg(p, i++))
        break
      case 'u':
        args.push(addr(p, i++))
        break
      case 'v':
        args.push(arg(p, i + 1) * 2 ** 32 + addr(p, i))
        i += 2
        break
      case 's':
        args.push(string(p, i++))
        break
      case 'S':
        if (addr(p, i) === 0) args.push(0)
        else args.push(string(p, i))
        i++
        break
      case 'a':
        args.push(...strings(p, addr(p, i++)))
        break
      case 'b': {
        const n = addr(p, i + 1)
        if (n > MAXIO) throw new PlanError(Eiotoobig)
        if (n > 0 && !space.ok(addr(p, i), n, false)) throw new Badaddr()
        args.push(space.copyin(addr(p, i), n))
        i += 2
        break
      }
      case 'o': {
        const n = Math.min(addr(p, i + 1), MAXIO)
        result(addr(p, i), n)
        args.push(n)
        i += 2
        break
      }
      default:
        result(addr(p, i++), 8)
    }
  return { args, out, max }
}
