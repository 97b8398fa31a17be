/** flate(2): the check of gzip and zip. */
export const crctab = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n
})

/** The CRC-32 of what went before and of `b`; it begins with 0. */
export function blockcrc(crc: number, b: Uint8Array): number {
  crc = ~crc
  for (let i = 0; i < b.length; i++) crc = crctab[(crc ^ b[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}
