import { Ebadchar, Efilename, Etoolong, PlanError } from '../../plan9/error.ts'

/** Names of FAT files: 8.3, the long ones in front of it, and how the one is made of the other. */

/** Bytes of a directory entry; UTF-16 units of a long name in one; of a long name at most. */
export const ENTRY = 32
const UNITS = 13
const MAXNAME = 255

export const ATTR_RDONLY = 0x01
export const ATTR_HIDDEN = 0x02
export const ATTR_SYSTEM = 0x04
export const ATTR_LABEL = 0x08
export const ATTR_DIR = 0x10
export const ATTR_ARCHIVE = 0x20
const ATTR_LONG = 0x0f

/** First byte of an entry: none from here on; none. */
export const END = 0x00
export const FREE = 0xe5
/** A long name's last part, which comes first. */
const LAST = 0x40

/** Code page 850 from 0x80 on, in which fsck.vfat and mtools take short names. */
const cp850 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0'

const latin = (b: Uint8Array) => String.fromCharCode(...b)

/** A name as it is compared: letters of both cases are the same. */
export function fold(name: string): string {
  const up = name.toUpperCase()
  if (up.length === name.length) return up
  return [...name].map(c => (c.toUpperCase().length === c.length ? c.toUpperCase() : c)).join('')
}

/** The checksum by which the parts of a long name know the short name they belong to. */
export function checksum(short: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < 11; i++) sum = (((sum & 1) << 7) + (sum >> 1) + short[i]!) & 0xff
  return sum
}

/** @throws PlanError Etoolong, Ebadchar, Efilename: no file of a FAT can be called so */
export function validname(name: string): void {
  if (name.length > MAXNAME) throw new PlanError(Etoolong)
  if (/[\x00-\x1f"*/:<>?\\|]/.test(name)) throw new PlanError(Ebadchar)
  // A tail of dots or blanks is dropped by other systems, which then find another file or none.
  if (name === '' || /[. ]$/.test(name)) throw new PlanError(Efilename)
}

/** The name of an entry by itself: lower case where it is marked so. */
export function shortname(e: Uint8Array): string {
  const part = (from: number, to: number, lower: boolean) => {
    let s = ''
    for (let i = from; i < to; i++) {
      // The mark of a free entry is a letter too.
      const c = i === 0 && e[0] === 0x05 ? FREE : e[i]!
      s += c < 0x80 ? String.fromCharCode(c) : cp850[c - 0x80]!
    }
    s = s.replace(/ +$/, '')
    return lower ? s.toLowerCase() : s
  }
  const base = part(0, 8, (e[12]! & 0x08) !== 0)
  const ext = part(8, 11, (e[12]! & 0x10) !== 0)
  return (ext === '' ? base : `${base}.${ext}`).replace(/[\x00-\x1f/]/g, '_')
}

/** Of 11 bytes as they stand: `README.TXT`. */
const alias = (b: Uint8Array) => {
  const ext = latin(b.subarray(8, 11)).trimEnd()
  return latin(b.subarray(0, 8)).trimEnd() + (ext === '' ? '' : `.${ext}`)
}

const bytes11 = (base: string, ext: string) =>
  Uint8Array.from(base.padEnd(8) + ext.padEnd(3), (c: string) => c.charCodeAt(0))

/**
 * The 8.3 name of a new file: its own in upper case, where that loses nothing but the case and is not taken; else the
 * first letters with `~1` to `~4`; else two letters, four digits made of the name, and `~1` and on.
 *
 * @param taken whether a file of the directory is called so
 */
export function makeshort(name: string, taken: (alias: string) => boolean): Uint8Array {
  const s = name.replace(/ /g, '').replace(/^\.+/, '')
  let lossy = s !== name
  const clean = (t: string) =>
    t
      .toUpperCase()
      .replace(/\./g, () => {
        lossy = true
        return ''
      })
      .replace(/[^A-Z0-9!#$%&'()@^_`{}~-]/gu, () => {
        lossy = true
        return '_'
      })
  const dot = s.lastIndexOf('.')
  const base = clean(dot < 0 ? s : s.slice(0, dot))
  const ext = clean(dot < 0 ? '' : s.slice(dot + 1))
  const e = ext.slice(0, 3)
  if (!lossy && base !== '' && base.length <= 8 && ext.length <= 3) {
    const b = bytes11(base, ext)
    if (!taken(alias(b))) return b
  }
  const tail = (stem: string, n: number) => bytes11(`${stem.slice(0, 7 - `${n}`.length)}~${n}`, e)
  for (let n = 1; n <= 4; n++) {
    const b = tail(base || '_', n)
    if (!taken(alias(b))) return b
  }
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) & 0xffff
  for (;;) {
    const stem = (base || '_').slice(0, 2) + hash.toString(16).toUpperCase().padStart(4, '0')
    for (let n = 1; n <= 9; n++) {
      const b = tail(stem, n)
      if (!taken(alias(b))) return b
    }
    hash = (hash + 1) & 0xffff
  }
}

/**
 * The entries of a file's name, the last of them the file's own, of which only the name is set. A name with capital letters
 * has a long one too: 9front shows a short one in lower case.
 */
export function nameentries(name: string, short: Uint8Array): Uint8Array {
  const parts = name === alias(short) && !/[A-Z]/.test(name) ? 0 : Math.ceil(name.length / UNITS)
  const out = new Uint8Array((parts + 1) * ENTRY)
  const v = new DataView(out.buffer)
  const sum = checksum(short)
  for (let part = 0; part < parts; part++) {
    const at = (parts - 1 - part) * ENTRY
    out[at] = part + 1 + (part === parts - 1 ? LAST : 0)
    out[at + 11] = ATTR_LONG
    out[at + 13] = sum
    for (let i = 0; i < UNITS; i++) {
      const k = part * UNITS + i
      v.setUint16(at + unit(i), k < name.length ? name.charCodeAt(k) : k === name.length ? 0 : 0xffff, true)
    }
  }
  out.set(short, parts * ENTRY)
  return out
}

/** Where in an entry unit i of its part of a long name is. */
const unit = (i: number) => (i < 5 ? 1 + 2 * i : i < 11 ? 14 + 2 * (i - 5) : 28 + 2 * (i - 11))

/** An entry of a directory with those of its long name. */
export interface Entry {
  name: string
  /** As it is compared: `README.TXT`. */
  alias: string
  /** Where its first entry is and how many there are; its own is the last. */
  slot: number
  slots: number
  /** Its own entry: a view of the directory's bytes. */
  raw: Uint8Array
}

/**
 * What a directory's bytes hold, without labels. `stray` hears of the places of long names that belong to nothing; a file
 * has its short name then.
 */
export function* entries(dir: Uint8Array, stray: (slot: number) => void = () => {}): Generator<Entry> {
  let first = -1
  let want = 0
  let sum = 0
  let units: number[] = []
  const drop = () => {
    if (first >= 0) stray(first)
    first = -1
  }
  for (let slot = 0; (slot + 1) * ENTRY <= dir.length; slot++) {
    const raw = dir.subarray(slot * ENTRY, (slot + 1) * ENTRY)
    if (raw[0] === END) break
    if (raw[0] === FREE) {
      drop()
      continue
    }
    if ((raw[11]! & 0x3f) === ATTR_LONG) {
      const n = raw[0]! & 0x3f
      if (raw[0]! & LAST) {
        drop()
        first = slot
        want = n
        sum = raw[13]!
        units = []
      }
      if (first < 0 || n !== want || n === 0 || n * UNITS > MAXNAME + UNITS || raw[13] !== sum) {
        drop()
        stray(slot)
        continue
      }
      want--
      const part = Array.from({ length: UNITS }, (_, i) => raw[unit(i)]! | (raw[unit(i) + 1]! << 8))
      units = [...part, ...units]
      continue
    }
    if (raw[11]! & ATTR_LABEL) {
      drop()
      continue
    }
    const e: Entry = { name: shortname(raw), alias: fold(shortname(raw)), slot, slots: 1, raw }
    if (first >= 0) {
      const end = units.indexOf(0)
      const long = String.fromCharCode(...(end < 0 ? units : units.slice(0, end))).replace(/\p{Surrogate}/gu, '\ufffd')
      const good = want === 0 && sum === checksum(raw) && !/[\x00-\x1f/]/.test(long) && !/^\.{0,2}$/.test(long)
      if (good) {
        e.name = long
        e.slot = first
        e.slots = slot - first + 1
        first = -1
      } else drop()
    }
    first = -1
    yield e
  }
  drop()
}

/** `.` and `..`, which directories begin with. */
export const dots = (e: Entry) => e.raw[0] === 0x2e && /^\.{1,2} +$/.test(latin(e.raw.subarray(0, 11)))
