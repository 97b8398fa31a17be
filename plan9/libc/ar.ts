import { OREAD } from '../9p/const.ts'
import { PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'
import { readall } from './bio.ts'
import { frombytes } from './bytes.ts'
import { atoi } from './fmt.ts'
import { text } from './rune.ts'

/** ar(6): what an archive begins with. */
export const ARMAG = '!<arch>\n'
/** What a member's header ends with. */
const ARFMAG = '`\n'
/** Bytes of a member's name and, from there, of its date, in a header of SAR_HDR bytes. */
export const SARNAME = 16
export const SARDATE = 12
export const SAR_HDR = 60

export interface Member {
  name: string
  /** Seconds. */
  date: number
  /** Bytes from the archive's start to the header. */
  offset: number
  data: Uint8Array
}

export const isar = (b: Uint8Array): boolean => frombytes(b.subarray(0, ARMAG.length)) === ARMAG

/**
 * The members of an archive, in order. A name's blanks at the end, and a slash before them, are no part of it. What is shorter than a header ends it.
 *
 * @throws PlanError for a header that is none, or data that end too soon
 */
export function* members(ar: Uint8Array): Generator<Member> {
  let at = ARMAG.length
  while (at + SAR_HDR <= ar.length) {
    const h = frombytes(ar.subarray(at, at + SAR_HDR))
    const size = atoi(h.slice(48, 58))
    const start = at + SAR_HDR
    if (h.slice(58) !== ARFMAG || size < 0 || start + size > ar.length)
      throw new PlanError(`phase error on ar header ${at}`)
    const name = text(ar.subarray(at, at + SARNAME))
      .replace(/ +$/, '')
      .replace(/(?<=.)\/$/, '')
    yield { name, date: atoi(h.slice(16, 28)), offset: at, data: ar.subarray(start, start + size) }
    at = start + size + (size & 1)
  }
}

/** A file's bytes, when it is an archive; undefined when it is something else. @throws PlanError */
export async function readarchive(sys: Sys, name: string): Promise<Uint8Array | undefined> {
  const fd = await sys.open(name, OREAD)
  try {
    const head = await sys.pread(fd, ARMAG.length, 0)
    return isar(head) ? await readall(sys, fd) : undefined
  } finally {
    await sys.close(fd)
  }
}
