/** 386 programs for tests, made of bytes on the spot. */

/** An a.out of these instructions at 0x1020, with data at 0x2000 where the text is that short, and 64 KB of bss behind it. */
export function aout(text: Iterable<number>, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const code = Uint8Array.from(text)
  const out = new Uint8Array(32 + code.length + data.length)
  const v = new DataView(out.buffer)
  for (const [i, w] of [0x1eb, code.length, data.length, 0x10000, 0, 0x1020, 0, 0].entries()) v.setUint32(4 * i, w)
  out.set(code, 32)
  out.set(data, 32 + code.length)
  return out
}

export const long = (n: number) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >>> 24) & 255]
export const push = (n: number) => [0x68, ...long(n)]

/** A system call with these arguments; they stay on the stack. */
export const call = (nr: number, ...args: number[]) => [
  ...args.reverse().flatMap(push),
  ...push(0),
  0xb8,
  ...long(nr),
  0xcd,
  0x40,
]

export const exits = call(8, 0)
export const spin = [0xeb, 0xfe]
