import { PlanError } from '../error.ts'
import { text } from './rune.ts'

/** a.out(6). The longest header; all its numbers are big-endian. */
export const Hdrmax = 40

/** In a magic number: the header has eight bytes more, and addresses are of eight bytes. */
const HDR_MAGIC = 0x8000
/** In a magic number: a dynamically loadable module. */
const DYN_MAGIC = 0x80000000

const magic = (b: number, f = 0): number => f | (4 * b * b + 7)

export interface Machine {
  name: string
  /** The order of bytes, of machines that come with both. */
  order: '' | 'BE' | 'LE'
  /** Bytes that segments begin at multiples of, in memory. */
  pgsize: number
}

/** By magic number. */
export const machines: ReadonlyMap<number, Machine> = new Map([
  [magic(8), { name: '68020', order: '', pgsize: 0x2000 }],
  [magic(11), { name: '386', order: '', pgsize: 0x1000 }],
  [magic(13), { name: 'sparc', order: '', pgsize: 0x1000 }],
  [magic(16), { name: 'mips', order: 'BE', pgsize: 0x4000 }],
  [magic(18), { name: 'mips 4k', order: 'BE', pgsize: 0x4000 }],
  [magic(20), { name: 'arm', order: '', pgsize: 0x1000 }],
  [magic(21), { name: 'power', order: '', pgsize: 0x100000 }],
  [magic(22), { name: 'mips 4k', order: 'LE', pgsize: 0x4000 }],
  [magic(24), { name: 'mips', order: 'LE', pgsize: 0x4000 }],
  [magic(25), { name: 'sparc64', order: '', pgsize: 0x2000 }],
  [magic(26, HDR_MAGIC), { name: 'amd64', order: '', pgsize: 0x200000 }],
  [magic(27, HDR_MAGIC), { name: 'power64', order: '', pgsize: 0x100000 }],
  [magic(28, HDR_MAGIC), { name: 'arm64', order: '', pgsize: 0x10000 }],
])

/** What a header says. Sizes and offsets are bytes; the sections follow the header in the file in this order. */
export interface Fhdr {
  machine: Machine
  magic: number
  /** A module to be loaded by a program. */
  dynamic: boolean
  /** Addresses, and the values of symbols, are of eight bytes. */
  wide: boolean
  hdrsz: number
  text: number
  data: number
  /** Zeroed memory after the data; not in the file. */
  bss: number
  syms: number
  /** The table from pc to sp, and that from pc to lines. */
  spsz: number
  pcsz: number
  entry: bigint
  txtoff: number
  datoff: number
  symoff: number
  /** Where the file's text, which its header goes before, and its data are in a process's memory. */
  txtaddr: number
  dataaddr: number
}

/** The header of an executable file, of whose first Hdrmax bytes `b` is what there is; undefined for any other file. */
export function crackhdr(b: Uint8Array): Fhdr | undefined {
  if (b.length < 32) return undefined
  const v = new DataView(b.buffer, b.byteOffset, b.length)
  const long = (i: number) => v.getUint32(4 * i)
  const word = long(0)
  const dynamic = word >= DYN_MAGIC
  const magic = dynamic ? word - DYN_MAGIC : word
  const machine = machines.get(magic)
  const wide = (magic & HDR_MAGIC) !== 0
  const hdrsz = wide ? Hdrmax : 32
  if (machine === undefined || b.length < hdrsz) return undefined
  const [text, data, bss, syms] = [long(1), long(2), long(3), long(4)]
  const { pgsize } = machine
  const round = (n: number) => Math.ceil(n / pgsize) * pgsize
  return {
    machine,
    magic,
    dynamic,
    wide,
    hdrsz,
    text,
    data,
    bss,
    syms,
    spsz: long(6),
    pcsz: long(7),
    entry: wide ? v.getBigUint64(32) : BigInt(long(5)),
    txtoff: hdrsz,
    datoff: hdrsz + text,
    symoff: hdrsz + text + data,
    txtaddr: dynamic ? 0 : pgsize + hdrsz,
    dataaddr: dynamic ? text : round(pgsize + hdrsz + text),
  }
}

export interface Sym {
  /** An address; an offset from the frame for a and p; a number of a name's component for f; a line for z and Z. */
  value: bigint
  /** One of T t L l D d B b a p m f z Z; in object files, U too. */
  type: string
  name: string
  /** Of z: the f symbols whose names make up the file's. */
  path: number[]
}

/** The symbols of a table of such a file's, in order. @throws PlanError for one that ends in a symbol */
export function* symbols(table: Uint8Array, { wide }: Pick<Fhdr, 'wide'>): Generator<Sym> {
  const szaddr = wide ? 8 : 4
  const v = new DataView(table.buffer, table.byteOffset, table.length)
  const short = () => new PlanError("can't read symbol table")
  let at = 0
  while (at < table.length) {
    if (at + szaddr + 2 > table.length) throw short()
    const value = wide ? v.getBigUint64(at) : BigInt(v.getUint32(at))
    let type = String.fromCharCode(table[at + szaddr]! & 0x7f)
    at += szaddr + 1
    const path: number[] = []
    let name = ''
    if (type === 'z' || type === 'Z') {
      for (at++; ; at += 2) {
        if (at + 2 > table.length) throw short()
        const n = v.getUint16(at)
        if (n === 0) break
        path.push(n)
      }
      at += 2
    } else {
      const end = table.indexOf(0, at)
      if (end < 0) throw short()
      name = text(table.subarray(at, end))
      at = end + 1
    }
    if (type === 'f' && name === '.frame') type = 'm'
    yield { value, type, name, path }
  }
}
