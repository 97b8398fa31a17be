import { chartorune, fullrune, Runeerror, Runemax, runetochar } from '../../../plan9/libc/rune.ts'

/** Where a decoder's runes go, and what it could not make any of. */
export interface Sink {
  readonly runes: number[]
  /** `msg` is about the byte at `off` of the block. */
  bad(off: number, msg: string): void
}

/**
 * Makes runes of a block of bytes; returns how many it took. What it left comes again in front of the next block.
 * At the end of the file, `last`, it takes all.
 */
export type Decoder = (b: Uint8Array, last: boolean, sink: Sink) => number

/** Makes bytes of runes; those that have none are given to `bad`, and what that returns is used. */
export type Encoder = (runes: number[], last: boolean, bad: (rune: number) => number[]) => Uint8Array

/** `of` and `to` make a decoder and an encoder for one conversion: they may have a state. */
export interface Codec {
  of: () => Decoder
  to: () => Encoder
}

const badchar = (c: number) => `bad char 0x${c.toString(16)}`

const utfin = (): Decoder => (b, last, sink) => {
  let i = 0
  while (i < b.length && (last || fullrune(b, i))) {
    const x = chartorune(b, i)
    if ((x & 7) === 1 && b[i]! >= 0x80) sink.bad(i, 'bad UTF sequence')
    else sink.runes.push(x >>> 3)
    i += x & 7
  }
  return i
}

const utfout = (): Encoder => runes => {
  const b = new Uint8Array(4 * runes.length)
  let n = 0
  for (const r of runes) n += runetochar(b, n, r)
  return b.subarray(0, n)
}

export const utf: Codec = { of: utfin, to: utfout }

/** A rune before which a text can be cut without changing its normal form: no mark, and no Hangul that joins on. */
const starts = (r: number) => !/^[\p{M}\u1160-\u11ff]/u.test(String.fromCodePoint(r))
/** Runes that are held for one, at most. */
const Normmax = 4096

/** UTF-8 whose output is in a normal form. */
export function normal(form: 'NFC' | 'NFD'): Codec {
  const to = (): Encoder => {
    const utf = utfout()
    let held: number[] = []
    return (runes, last, bad) => {
      for (const r of runes) held.push(r)
      let cut = held.length
      if (!last) while (cut > 0 && !starts(held[--cut]!));
      if (held.length - cut > Normmax) cut = held.length
      let s = ''
      for (const r of held.slice(0, cut)) s += String.fromCodePoint(r)
      held = held.slice(cut)
      return utf(
        Array.from(s.normalize(form), c => c.codePointAt(0)!),
        last,
        bad,
      )
    }
  }
  return { of: utfin, to }
}

/** A set of 256 characters at most; -1 for a byte that has none. */
export function table(runes: () => number[]): Codec {
  return {
    of: () => {
      const tab = runes()
      return (b, _last, sink) => {
        for (let i = 0; i < b.length; i++) {
          const r = tab[b[i]!]!
          if (r >= 0) sink.runes.push(r)
          else sink.bad(i, badchar(b[i]!))
        }
        return b.length
      }
    },
    to: () => {
      const map = new Map<number, number>()
      for (const [c, r] of runes().entries()) if (r >= 0) map.set(r, c)
      return (runes, _last, bad) => {
        const out: number[] = []
        for (const r of runes) {
          const c = map.get(r)
          if (c !== undefined) out.push(c)
          else out.push(...bad(r))
        }
        return Uint8Array.from(out)
      }
    },
  }
}

/** The runes of a host's single byte set; `own` are those that it has otherwise. */
export function single(label: string, own: (c: number) => number | undefined = () => undefined): () => number[] {
  return () => {
    const text = [...new TextDecoder(label).decode(Uint8Array.from({ length: 256 }, (_, c) => c))]
    return text.map((s, c) => {
      const r = own(c) ?? s.codePointAt(0)!
      return r === Runeerror ? -1 : r
    })
  }
}

/** UTF-16. `order` undefined: as the mark at the beginning has it, or little endian; with a mark in the output. */
export function unicode(order?: 'be' | 'le'): Codec {
  return {
    of: () => {
      let be = order === undefined ? undefined : order === 'be'
      return (b, last, sink) => {
        const unit = (i: number) => (be ? (b[i]! << 8) | b[i + 1]! : b[i]! | (b[i + 1]! << 8))
        let i = 0
        if (be === undefined && b.length >= 2) {
          be = b[0] === 0xfe && b[1] === 0xff
          if (be || (b[0] === 0xff && b[1] === 0xfe)) i = 2
        }
        for (; i + 1 < b.length; i += 2) {
          const u = unit(i)
          if (u < 0xd800 || u > 0xdfff) sink.runes.push(u)
          else if (u < 0xdc00 && i + 3 >= b.length && !last) return i
          else {
            const v = u < 0xdc00 && i + 3 < b.length ? unit(i + 2) : 0
            if (v < 0xdc00 || v > 0xdfff) sink.bad(i, badchar(u))
            else {
              sink.runes.push(0x10000 + ((u - 0xd800) << 10) + (v - 0xdc00))
              i += 2
            }
          }
        }
        if (last && i < b.length) sink.bad(i++, badchar(b[i - 1]!))
        return i
      }
    },
    to: () => {
      let begun = order !== undefined
      return runes => {
        const out: number[] = []
        const put = (u: number) => {
          if (order === 'be') out.push(u >> 8, u & 0xff)
          else out.push(u & 0xff, u >> 8)
        }
        if (!begun && runes.length > 0) put(0xfeff)
        begun ||= runes.length > 0
        for (const r of runes)
          if (r < 0x10000) put(r)
          else {
            put(0xd800 + ((r - 0x10000) >> 10))
            put(0xdc00 + ((r - 0x10000) & 0x3ff))
          }
        return Uint8Array.from(out)
      }
    },
  }
}

/** HTML's references, by number: those that have a meaning of their own for HTML stay. */
export const html: Codec = {
  of: () => {
    const utf = utfin()
    const amp = 0x26
    return (b, last, sink) => {
      for (let i = 0; ; ) {
        const at = b.indexOf(amp, i)
        const end = at < 0 ? b.length : at
        const n = utf(b.subarray(i, end), last || at >= 0, {
          runes: sink.runes,
          bad: (off, msg) => sink.bad(i + off, msg),
        })
        if (at < 0) return i + n
        let j = at + 1
        while (j < b.length && j < at + 10 && /[#0-9a-fA-FxX]/.test(String.fromCharCode(b[j]!))) j++
        if (j === b.length && !last && j < at + 10) return at
        const m = /^&#([0-9]+|[xX][0-9a-fA-F]+)$/.exec(String.fromCharCode(...b.subarray(at, j)))
        const r = m ? Number(m[1]!.replace(/^(?=[xX])/, '0')) : amp
        const known = m !== null && r <= Runemax && !'<>&"\''.includes(String.fromCodePoint(r))
        sink.runes.push(known ? r : amp)
        i = !known ? at + 1 : b[j] === 0x3b ? j + 1 : j
      }
    }
  },
  to: () => runes => {
    let s = ''
    for (const r of runes) s += r < 0x80 ? String.fromCharCode(r) : `&#${r};`
    return Uint8Array.from(s, c => c.charCodeAt(0))
  },
}

/** A host's set of one and two bytes: rune by byte, or by lead * 256 + trail; -1 for none. */
interface Pairs {
  single: number[]
  pair: Int32Array
  /** The inverse; of several codes for a rune the first by the order of the leads. */
  code: Map<number, number>
}

/**
 * Reads the set off the host's decoder. `leads` are ranges of lead bytes, the best first; of the codes of a rune in
 * `later` the last one is.
 */
function pairs(label: string, leads: [number, number][], trail: number, later = ''): Pairs {
  const decoder = new TextDecoder(label)
  const isolead = (c: number) => leads.some(([lo, hi]) => c >= lo && c <= hi)
  const set: Pairs = { single: [], pair: new Int32Array(65536).fill(-1), code: new Map() }
  for (let c = 0; c < 256; c++) {
    const r = isolead(c) ? Runeerror : decoder.decode(Uint8Array.of(c)).codePointAt(0)!
    set.single.push(r === Runeerror ? -1 : r)
    if (r !== Runeerror && !set.code.has(r)) set.code.set(r, c)
  }
  for (const [lo, hi] of leads)
    for (let lead = lo; lead <= hi; lead++) {
      const row: number[] = []
      for (let t = trail; t < 0xff; t++) row.push(lead, t, 10)
      const text = decoder.decode(Uint8Array.from(row)).split('\n')
      for (const [i, s] of text.entries()) {
        const r = s.codePointAt(0)
        if (r === undefined || r === Runeerror || s.length !== String.fromCodePoint(r).length) continue
        const code = lead * 256 + trail + i
        set.pair[code] = r
        if (!set.code.has(r) || later.includes(s)) set.code.set(r, code)
      }
    }
  return set
}

/** @see pairs */
export function double(label: string, leads: [number, number][], trail: number, later = ''): Codec {
  return {
    of: () => {
      const set = pairs(label, leads, trail)
      return (b, last, sink) => {
        let i = 0
        while (i < b.length) {
          const c = b[i]!
          const one = set.single[c]!
          if (one < 0 && i + 1 === b.length && !last) return i
          const two = one < 0 && i + 1 < b.length ? set.pair[c * 256 + b[i + 1]!]! : -1
          if (one >= 0) sink.runes.push(one)
          else if (two >= 0) sink.runes.push(two)
          else sink.bad(i, badchar(c))
          i += two >= 0 ? 2 : 1
        }
        return i
      }
    },
    to: () => {
      const { code } = pairs(label, leads, trail, later)
      return (runes, _last, bad) => {
        const out: number[] = []
        for (const r of runes) {
          const c = code.get(r)
          if (c === undefined) out.push(...bad(r))
          else if (c < 256) out.push(c)
          else out.push(c >> 8, c & 0xff)
        }
        return Uint8Array.from(out)
      }
    },
  }
}

const ESC = 0x1b
/** ISO-2022-JP's escapes that matter here: to ASCII, and to JIS X 0208, of 1978 and of 1983. */
const toascii = [ESC, 0x28, 0x42]
const tojis = [ESC, 0x24, 0x42]

/** ISO-2022-JP, by the rows of EUC-JP. */
export const jiskanji: Codec = {
  of: () => {
    const set = pairs('euc-jp', [[0xa1, 0xfe]], 0xa1)
    let kanji = false
    return (b, last, sink) => {
      let i = 0
      while (i < b.length) {
        const c = b[i]!
        if (c === ESC) {
          if (i + 2 >= b.length && !last) return i
          const to = String.fromCharCode(...b.subarray(i + 1, i + 3))
          if (['(B', '(J', '$@', '$B'].includes(to)) {
            kanji = to.startsWith('$')
            i += 3
            continue
          }
        }
        if (!kanji || c <= 0x20) {
          if (c < 0x80) sink.runes.push(c)
          else sink.bad(i, badchar(c))
          i++
          continue
        }
        if (i + 1 === b.length && !last) return i
        const r = i + 1 < b.length && c < 0x80 ? set.pair[(c << 8) | b[i + 1]! | 0x8080]! : -1
        if (r >= 0) sink.runes.push(r)
        else sink.bad(i, badchar(c))
        i += r >= 0 ? 2 : 1
      }
      return i
    }
  },
  to: () => {
    const { code } = pairs('euc-jp', [[0xa1, 0xfe]], 0xa1)
    let kanji = false
    return (runes, last, bad) => {
      const out: number[] = []
      const shift = (on: boolean) => {
        if (on !== kanji) out.push(...(on ? tojis : toascii))
        kanji = on
      }
      for (const r of runes) {
        const c = r < 0x80 ? r : code.get(r)
        if (c !== undefined && c >= 0x8080) {
          shift(true)
          out.push((c >> 8) & 0x7f, c & 0x7f)
          continue
        }
        const one = c !== undefined && c < 0x80 ? [c] : bad(r)
        if (one.length > 0) shift(false)
        out.push(...one)
      }
      if (last) shift(false)
      return Uint8Array.from(out)
    }
  },
}
