/** float16 and bfloat16, in which other formats keep weights and scales. By bits, so that NaNs come through as they are. */

/** The float32 bits of each float16. */
let table: Uint32Array | undefined

function float16Table(): Uint32Array {
  const bits = new Uint32Array(65536)
  for (let h = 0; h < 65536; h++) {
    const sign = (h & 0x8000) << 16
    const exp = (h >> 10) & 31
    let mant = h & 1023
    if (exp === 31) bits[h] = sign | 0x7f800000 | (mant << 13)
    else if (exp > 0) bits[h] = sign | ((exp + 112) << 23) | (mant << 13)
    else if (mant === 0) bits[h] = sign
    else {
      let e = 113
      for (; mant < 1024; mant *= 2) e--
      bits[h] = sign | (e << 23) | ((mant & 1023) << 13)
    }
  }
  return bits
}

/** Bytes two by two; a copy where they do not begin at an even one. */
export function words(bytes: Uint8Array): Uint16Array {
  const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice()
  return new Uint16Array(even.buffer, even.byteOffset, even.length >> 1)
}

/** The values of float16s, as float32. */
export function fromFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  table ??= float16Table()
  const out = new Uint32Array(bits.length)
  for (let i = 0; i < out.length; i++) out[i] = table[bits[i]!]!
  return new Float32Array(out.buffer)
}

/** The values of bfloat16s, as float32. */
export function fromBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Uint32Array(bits.length)
  for (let i = 0; i < out.length; i++) out[i] = bits[i]! << 16
  return new Float32Array(out.buffer)
}

const word = new Float32Array(1)
const wordBits = new Uint32Array(word.buffer)

/** The bits of the float16 nearest to a float32, half to even; what is too large is infinite. */
export function toFloat16(v: number): number {
  word[0] = v
  const b = wordBits[0]!
  const sign = (b >>> 16) & 0x8000
  const abs = b & 0x7fffffff
  if (abs > 0x7f800000) return sign | 0x7e00 | ((abs >> 13) & 1023)
  if (abs >= 0x477ff000) return sign | 0x7c00
  if (abs >= 0x38800000) {
    // The exponent and ten bits of the mantissa; a carry out of the mantissa is the next exponent.
    const h = (abs - 0x38000000) >> 13
    const rest = abs & 0x1fff
    return sign | (h + (rest > 0x1000 || (rest === 0x1000 && h & 1) ? 1 : 0))
  }
  // A subnormal counts in 2^-24; adding 2^23 to it rounds it to a whole number.
  return sign | (Math.fround(Math.abs(word[0]!) * 2 ** 24 + 2 ** 23) - 2 ** 23)
}
