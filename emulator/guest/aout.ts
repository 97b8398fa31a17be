import type { Sym } from '../../plan9/libc/aout.ts'
import type { Arch } from './asm.ts'
import { readElf } from './elf.ts'

/** a.out(6) of what GNU ld has linked by `script`: text, data, symbols. plan9/libc/aout.ts reads it. */

interface Machine {
  magic: number
  hdrsz: number
  pgsize: number
  /** Bytes of an address in the symbol table. */
  word: number
  format: string
}

const machines: Record<Arch, Machine> = {
  '386': { magic: 0x1eb, hdrsz: 32, pgsize: 0x1000, word: 4, format: 'elf32-i386' },
  amd64: { magic: 0x8a97, hdrsz: 40, pgsize: 0x200000, word: 8, format: 'elf64-x86-64' },
}

/**
 * ld's script: text behind the header on the first page, data, strings and constants included, on the page after the
 * text's last, bss behind the data.
 */
export function script(arch: Arch): string {
  const { hdrsz, pgsize, format } = machines[arch]
  return `OUTPUT_FORMAT(${format})
ENTRY(_main)
SECTIONS {
  .text ${pgsize + hdrsz} : SUBALIGN(${hdrsz & -hdrsz}) { *(.text .text.*) }
  etext = .;
  . = ALIGN(${pgsize});
  .data : { *(.data .data.* .rodata .rodata.*) }
  edata = .;
  .bss : { *(.bss .bss.* COMMON) }
  end = .;
  /DISCARD/ : { *(.note .note.* .comment .eh_frame .eh_frame_hdr) }
}
`
}

/** Plan 9's table: the value, the type with its highest bit set, the name and a 0. */
function table(symbols: Pick<Sym, 'name' | 'type' | 'value'>[], word: number): Uint8Array {
  const bytes: number[] = []
  for (const { name, type, value } of symbols) {
    for (let i = word - 1; i >= 0; i--) bytes.push(Number((value >> BigInt(8 * i)) & 0xffn))
    bytes.push(type.charCodeAt(0) | 0x80, ...new TextEncoder().encode(name), 0)
  }
  return Uint8Array.from(bytes)
}

/** @throws Error for an ELF file that `script` did not lay out */
export function aout(file: Uint8Array, arch: Arch): Uint8Array {
  const { magic, hdrsz, pgsize, word } = machines[arch]
  const { entry, sections, symbols } = readElf(file)
  const [text, data, bss] = ['.text', '.data', '.bss'].map(n => sections.get(n))
  if (!text?.bytes) throw new Error('no text')
  const base = pgsize + hdrsz
  const top = Math.ceil((base + text.size) / pgsize) * pgsize
  for (const name of sections.keys())
    if (!['.text', '.data', '.bss'].includes(name)) throw new Error(`a section for which there is no place: ${name}`)
  if (text.addr !== base || (data && data.addr !== top)) throw new Error('text or data at a wrong address')
  // what ld left between data and bss is data
  const datsize = bss ? bss.addr - top : (data?.size ?? 0)
  const letters: Record<string, string> = { '.text': 't', '.data': 'd', '.bss': 'b' }
  const syms = symbols
    .map(s => {
      const letter = letters[s.section] ?? 'd'
      return { name: s.name, value: s.value, type: s.global ? letter.toUpperCase() : letter }
    })
    .sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : a.name < b.name ? -1 : 1))
  const symtab = table(syms, word)
  const out = new Uint8Array(hdrsz + text.size + datsize + symtab.length)
  const v = new DataView(out.buffer)
  const words = [magic, text.size, datsize, bss?.size ?? 0, symtab.length, Number(entry & 0xffffffffn), 0, 0]
  for (const [i, w] of words.entries()) v.setUint32(4 * i, w)
  if (hdrsz === 40) v.setBigUint64(32, entry)
  out.set(text.bytes, hdrsz)
  if (data?.bytes) out.set(data.bytes, hdrsz + text.size)
  out.set(symtab, hdrsz + text.size + datsize)
  return out
}
