import { PlanError } from '../../../plan9/error.ts'
import type { Sym } from '../../../plan9/libc/aout.ts'
import { text } from '../../../plan9/libc/rune.ts'

/** A symbol of an object file, with the signature of its type; 0 for none. */
export interface ObjSym extends Sym {
  sig: number
}

/** The compilers' numbers for what matters here: of instructions, and of kinds of addresses. */
interface Format {
  name: number
  signame: number
  text: number
  globl: number
  file: number
  extern: number
}

/** Files .8 and .6. After extern come static, auto and param. */
const formats: Format[] = [
  { name: 126, signame: 332, text: 220, globl: 53, file: 69, extern: 61 },
  { name: 132, signame: 338, text: 226, globl: 54, file: 121, extern: 113 },
]

/** Names in use at once. */
const NNAMES = 50
/** The offset of a local that no instruction has used. */
const unused = 0x7fffffffn

const T_TYPE = 1
const T_INDEX = 2
const T_OFFSET = 4
const T_FCONST = 8
const T_SYM = 16
const T_SCONST = 32
const T_64 = 64

/** How an object file of 8c or 6c begins: it names its source. Undefined for any other file. */
export function objtype(b: Uint8Array): Format | undefined {
  return formats.find(
    f => b.length >= 8 && (b[0]! | (b[1]! << 8)) === f.name && b[2] === f.file && b[3] === 1 && b[4] === 0x3c,
  )
}

/** The names that an object file defines (T, D, t, d), uses (U, b) and has as locals (a, p). @throws PlanError */
export function objsyms(b: Uint8Array, f: Format): ObjSym[] {
  const all: ObjSym[] = []
  const names: (ObjSym | undefined)[] = []
  /** By kin and name, the latest. */
  const known = new Map<string, ObjSym>()
  let at = 0
  const byte = () => b[at++] ?? 0
  const short = () => byte() | (byte() << 8)
  const long = () => short() | (short() << 16)
  const islocal = (t: string) => t === 'a' || t === 'p'
  const kin = (t: string) => ['UTD', 'btd', 'ap'].find(k => k.includes(t))

  const enter = (id: number, name: string, type: string, sig: number) => {
    const old = names[id]
    if (old?.name === name) {
      old.type = type
      old.sig = sig
      return
    }
    const key = `${kin(type)} ${name}`
    let s = known.get(key)
    if (s === undefined || !kin(type)) {
      s = { name, type, sig, value: islocal(type) ? unused : 0n, path: [] }
      all.push(s)
      known.set(key, s)
    }
    names[id] = s
  }

  /** Passes over an operand. @returns its symbol's number, or -1 */
  const operand = (): number => {
    const flags = byte()
    if (flags & T_INDEX) at += 2
    let off = 0n
    if (flags & T_OFFSET) {
      off = BigInt(long())
      if (flags & T_64) off = (BigInt(long()) << 32n) | BigInt.asUintN(32, off)
      if (off < 0n) off = -off
    }
    const sym = flags & T_SYM ? byte() : -1
    if (flags & (T_FCONST | T_SCONST)) at += 8
    if (flags & T_TYPE) {
      const t = byte() - f.extern
      const s = names[sym]
      if ((t === 2 || t === 3) && sym > 0 && s && s.name !== '' && islocal(s.type) && s.value > off) s.value = off
    }
    return sym
  }

  const check = (id: number) => {
    if (id >= NNAMES) throw new PlanError('invalid symbol reference')
  }

  while (at + 2 <= b.length) {
    const as = short()
    if (as === f.name || as === f.signame) {
      const sig = as === f.signame ? long() >>> 0 : 0
      const type = 'Ubap'[byte() - f.extern] ?? '?'
      const id = byte()
      const end = b.indexOf(0, at)
      if (end < 0) break
      check(id)
      enter(id, text(b.subarray(at, end)), type, sig)
      at = end + 1
      continue
    }
    at += 4
    const id = operand()
    operand()
    if (id < 0 || (as !== f.text && as !== f.globl)) continue
    check(id)
    const s = names[id]
    const type = as === f.text ? 'T' : 'D'
    if (s === undefined || s.name === '') continue
    if (s.type === 'U') s.type = type
    else if (s.type === 'b') s.type = type.toLowerCase()
  }
  return all
}
