/** The header of gzip (RFC 1952), and what gzip and zip both need to read and write theirs. */
import { PlanError } from '../../../plan9/error.ts'
import { Beof, type Bin } from '../../../plan9/libc/bio.ts'

export const GZMAGIC1 = 0x1f
export const GZMAGIC2 = 0x8b
export const GZDEFLATE = 8
/** Flags: what there is between the header and the data. */
export const GZFTEXT = 1
export const GZFHCRC = 2
export const GZFEXTRA = 4
export const GZFNAME = 8
export const GZFCOMMENT = 16
export const GZOSUNIX = 3

export const le16 = (n: number): number[] => [n & 0xff, (n >>> 8) & 0xff]
export const le32 = (n: number): number[] => [...le16(n & 0xffff), ...le16(Math.floor(n / 0x10000) & 0xffff)]

/** Little-endian numbers from a Bin, and how many bytes have been taken. @throws PlanError at the end of the file */
export class Fields {
  readonly b: Bin
  taken = 0

  constructor(b: Bin) {
    this.b = b
  }

  async get1(): Promise<number> {
    const c = await this.b.getc()
    if (c === Beof) throw new PlanError('unexpected eof reading file information')
    this.taken++
    return c
  }

  async get2(): Promise<number> {
    return (await this.get1()) | ((await this.get1()) << 8)
  }

  async get4(): Promise<number> {
    return (await this.get2()) + (await this.get2()) * 0x10000
  }

  async bytes(n: number): Promise<Uint8Array> {
    const b = await this.b.read(n)
    if (b.length < n) throw new PlanError('unexpected eof reading file information')
    this.taken += n
    return b
  }
}
