/** The headers of a zip archive, which zip writes and unzip reads. */
import { type Tzone, tmtime } from '../../../plan9/libc/tm.ts'

/** What a header begins with: of a file, in the table of contents, at the end of that. */
export const ZHeader = 0x04034b50
export const ZCHeader = 0x02014b50
export const ZECHeader = 0x06054b50
/** Some write this before a trailer. */
export const ZTrailer = 0x08074b50
export const ZECHeadSize = 22
/** Offset in a file's header of its crc, csize and uncsize. */
export const ZHeadCrc = 14

/** Flags: encrypted; the sizes and the check come after the data; the name is UTF-8. */
export const ZEncrypted = 1
export const ZTrailInfo = 8
export const ZUtf8 = 0x800

export const ZStored = 0
export const ZDeflate = 8
/** The system whose attributes `eattr` has, and some of them. */
export const ZDos = 0
export const ZDROnly = 1
export const ZDDir = 0x10
export const ZDArch = 0x20

export interface ZipHead {
  file: string
  extos: number
  flags: number
  meth: number
  modtime: number
  moddate: number
  crc: number
  /** Bytes compressed, and not. */
  csize: number
  uncsize: number
  eattr: number
  /** Where its header is in the archive. */
  off: number
}

/** The time of day in two-second steps, and the day since 1980, of a zone. @param sec seconds since the epoch */
export function dostime(sec: number, tz: Tzone): { modtime: number; moddate: number } {
  const t = tmtime(sec, tz)
  return {
    modtime: (t.hour << 11) | (t.min << 5) | (t.sec >> 1),
    moddate: (Math.max(t.year - 80, 0) << 9) | ((t.mon + 1) << 5) | t.mday,
  }
}

/** The inverse of `dostime`. */
export function unixtime({ modtime, moddate }: { modtime: number; moddate: number }, tz: Tzone): number {
  const t =
    Date.UTC(
      1980 + (moddate >> 9),
      ((moddate >> 5) & 15) - 1,
      moddate & 31,
      modtime >> 11,
      (modtime >> 5) & 63,
      (modtime & 31) << 1,
    ) / 1000
  return t - tmtime(t, tz).tzoff
}
