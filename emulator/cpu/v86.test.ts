import { readFile } from 'node:fs/promises'
import { V86 } from 'v86'
import { expect, test } from 'vitest'
import { FRAME, KPD, KPDE, MACH, Mfxrstor, Mfxsave, Midle, Mnewcr3, PAGES, UDSEL, UESEL, Uwords } from './layout.ts'
import { stub } from './stub.gen.ts'
import { type Parts, X86 } from './v86.ts'

/** What this tree uses of v86 beyond its declarations, each for itself: so that another version of it cannot go wrong unseen. */

const MEMORY = 64 << 20
const mach = MACH >> 2
const frame = FRAME >> 2

/** The words of the frame by name. */
interface Frame {
  vector: number
  ax: number
  pc: number
}

interface Rig {
  x86: X86
  /** What the next trap is to do: it has the frame, and returns whether the guest goes on; otherwise the processor idles. */
  ontrap(f: (frame: Frame) => boolean): Promise<void>
  /** Ring 3 at this text, at 0x1000 for the program, with a stack in the next page. */
  enter(text: number[]): void
}

async function rig(o: { tick?: (now: number) => boolean; panic?: (reason: string) => void } = {}): Promise<Rig> {
  const parts: Parts = {
    V86: V86 as unknown as Parts['V86'],
    wasm: await readFile(new URL('../../node_modules/v86/build/v86.wasm', import.meta.url)),
  }
  let handler: (frame: Frame) => boolean = () => false
  const x86 = await X86.start(parts, MEMORY, {
    trap() {
      const { mem32 } = x86
      for (const w of [Midle, Mfxsave, Mfxrstor, Mnewcr3]) mem32[mach + w] = 0
      const on = handler({ vector: mem32[frame + 12]!, ax: mem32[frame + 7]!, pc: mem32[frame + 14]! })
      if (!on) mem32[mach + Midle] = 1
    },
    pause() {},
    tick: o.tick ?? (() => false),
    panic: o.panic ?? (() => {}),
  })
  return {
    x86,
    ontrap: f =>
      new Promise(resolve => {
        handler = frame => {
          const on = f(frame)
          if (!on) resolve()
          return on
        }
      }),
    enter(text) {
      const { mem8, mem32 } = x86
      const [pd, pt, code, stack] = [PAGES, PAGES + 0x1000, PAGES + 0x2000, PAGES + 0x3000]
      mem32[(pd >> 2) + KPDE] = mem32[(KPD >> 2) + KPDE]!
      mem32[pd >> 2] = pt | 7
      mem32[(pt >> 2) + 1] = code | 7
      mem32[(pt >> 2) + 2] = stack | 7
      mem8.set(text, code)
      x86.dirty(code)
      mem32.fill(0, frame, frame + Uwords)
      for (const seg of [10, 11, 18]) mem32[frame + seg] = UDSEL
      mem32[frame + 14] = 0x1000
      mem32[frame + 15] = UESEL
      mem32[frame + 16] = 0x202
      mem32[frame + 17] = 0x3000
      mem32[mach + Mnewcr3] = pd
    },
  }
}

const int40 = [0xcd, 0x40]
const movax = (n: number) => [0xb8, n & 255, (n >> 8) & 255, 0, 0]

test('boots, calls the host, idles, and is woken', async () => {
  const { x86, ontrap } = await rig()
  const vectors: number[] = []
  const up = ontrap(({ vector }) => {
    vectors.push(vector)
    return false
  })
  x86.run()
  await up
  const woken = ontrap(({ vector }) => {
    vectors.push(vector)
    return false
  })
  await new Promise(resolve => setTimeout(resolve, 20))
  x86.wake()
  await woken
  expect(vectors).toEqual([-1, 0x20])
  x86.destroy()
})

test('ring 3: a system call comes with its registers, and goes on after the host has edited them', async () => {
  const r = await rig()
  const seen: number[] = []
  const done = r.ontrap(({ vector, ax }) => {
    seen.push(vector, ax)
    if (vector === -1) r.enter([...movax(7), ...int40, 0x40, ...int40])
    else if (seen.length === 4) r.x86.mem32[frame + 7] = 1000
    return seen.length < 6
  })
  r.x86.run()
  await done
  expect(seen.filter((_, i) => i % 2 === 0)).toEqual([-1, 0x40, 0x40])
  expect([seen[3], seen[5]]).toEqual([7, 1001])
  r.x86.destroy()
})

test('code that the host has changed is not run as it was, however hot', async () => {
  const r = await rig()
  // 2: dec ecx; jnz back; then ax.
  const loop = (n: number) => [0xb9, 0xff, 0xff, 0x0f, 0, 0x49, 0x75, 0xfd, ...movax(n), ...int40]
  const results: number[] = []
  const done = r.ontrap(({ vector, ax }) => {
    if (vector === 0x40) results.push(ax)
    r.enter(loop(results.length + 1))
    return results.length < 12
  })
  r.x86.run()
  await done
  expect(results).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  r.x86.destroy()
})

test('code that does not return is interrupted when tick asks for it', async () => {
  let ticks = 0
  const r = await rig({ tick: () => ++ticks === 3 })
  const vectors: number[] = []
  const done = r.ontrap(({ vector }) => {
    vectors.push(vector)
    if (vector === -1) r.enter([0xeb, 0xfe])
    return vector === -1
  })
  r.x86.run()
  await done
  expect(vectors).toEqual([-1, 0x20])
  r.x86.destroy()
})

test('code is the same translated or not', async () => {
  const r = await rig()
  const results: number[] = []
  // ax is the sum of cx down to 1.
  const loop = [0xb9, 0xff, 0xff, 0x1f, 0, 0x31, 0xc0, 0x01, 0xc8, 0x49, 0x75, 0xfb, ...int40]
  const done = r.ontrap(({ vector, ax }) => {
    if (vector === 0x40) results.push(ax)
    if (results.length % 10 === 0) r.x86.cold()
    r.enter(loop)
    return results.length < 30
  })
  r.x86.run()
  await done
  expect(new Set(results)).toEqual(new Set([0xfff00000 | 0]))
  r.x86.destroy()
})

test('what v86 cannot do is told with its reason, once, and the instance is silent from then on', async () => {
  const reasons: string[] = []
  let panicked!: () => void
  const panic = new Promise<void>(resolve => (panicked = resolve))
  const r = await rig({
    panic(reason) {
      reasons.push(reason)
      panicked()
    },
  })
  void r.ontrap(({ vector }) => {
    // iret to a code segment that there is not.
    if (vector === -1) r.enter([0x6a, 0, 0x68, 0x33, 0x01, 0, 0, 0x6a, 0, 0xcf])
    return vector === -1
  })
  r.x86.run()
  await panic
  r.x86.wake()
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(reasons).toHaveLength(1)
  expect(reasons[0]).toMatch(/^Unimplemented: /)
  r.x86.destroy()
})

test('the stub is where layout.ts has it', async () => {
  const { x86 } = await rig()
  const text = Uint8Array.from(atob(stub.base64), c => c.charCodeAt(0))
  expect([...x86.mem8.subarray(0x100000, 0x100000 + text.length)]).toEqual([...text])
  x86.destroy()
})
