/** ELF as GNU ld leaves it: what an a.out needs of it. */

export interface Elf {
  entry: bigint
  /** Those that take memory, by name. */
  sections: Map<string, { addr: number; size: number; bytes: Uint8Array | undefined }>
  symbols: { name: string; value: bigint; section: string; global: boolean; function: boolean }[]
}

const SHT_SYMTAB = 2
const SHT_NOBITS = 8
const SHF_ALLOC = 2
const SHN_LORESERVE = 0xff00
const STT_OBJECT = 1
const STT_FUNC = 2

export function readElf(b: Uint8Array): Elf {
  const v = new DataView(b.buffer, b.byteOffset, b.length)
  if (b.length < 52 || v.getUint32(0) !== 0x7f454c46) throw new Error('not an ELF file')
  const wide = b[4] === 2
  const half = (o: number) => v.getUint16(o, true)
  const long = (o: number) => v.getUint32(o, true)
  const word = (o: number) => (wide ? v.getBigUint64(o, true) : BigInt(long(o)))
  const num = (o: number) => Number(word(o))
  const w = wide ? 8 : 4
  const shoff = num(24 + 2 * w)
  const [shentsize, shnum, shstrndx] = wide ? [half(58), half(60), half(62)] : [half(46), half(48), half(50)]
  const heads = Array.from({ length: shnum }, (_, i) => {
    const o = shoff + i * shentsize
    return {
      name: long(o),
      type: long(o + 4),
      flags: num(o + 8),
      addr: num(o + 8 + w),
      offset: num(o + 8 + 2 * w),
      size: num(o + 8 + 3 * w),
      link: long(o + 8 + 4 * w),
    }
  })
  const string = (table: { offset: number }, at: number) => {
    const start = table.offset + at
    return new TextDecoder().decode(b.subarray(start, b.indexOf(0, start)))
  }
  const names = heads.map(h => string(heads[shstrndx]!, h.name))
  const sections: Elf['sections'] = new Map()
  heads.forEach((h, i) => {
    if ((h.flags & SHF_ALLOC) === 0 || h.size === 0) return
    const bytes = h.type === SHT_NOBITS ? undefined : b.subarray(h.offset, h.offset + h.size)
    sections.set(names[i]!, { addr: h.addr, size: h.size, bytes })
  })
  const symbols: Elf['symbols'] = []
  const table = heads.find(h => h.type === SHT_SYMTAB)
  const size = wide ? 24 : 16
  for (let o = table?.offset ?? 0, i = 0; table && i * size < table.size; i++, o += size) {
    const info = b[o + (wide ? 4 : 12)]!
    const shndx = half(o + (wide ? 6 : 14))
    const name = string(heads[table.link]!, long(o))
    const type = info & 0xf
    if (name === '' || shndx === 0 || shndx >= SHN_LORESERVE || type > STT_FUNC) continue
    if (type === 0 && info >> 4 === 0) continue
    symbols.push({
      name,
      value: word(o + (wide ? 8 : 4)),
      section: names[shndx]!,
      global: info >> 4 !== 0,
      function: type === STT_FUNC || (type !== STT_OBJECT && names[shndx] === '.text'),
    })
  }
  return { entry: word(24), sections, symbols }
}
