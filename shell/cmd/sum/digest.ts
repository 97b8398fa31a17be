import { OREAD } from '../../../plan9/9p/const.ts'
import type { Sys } from '../../../plan9/kernel/sys.ts'
import { Bsize, write } from '../../../plan9/libc/bio.ts'
import { eprint, r } from '../../../plan9/libc/sysfatal.ts'

interface Digest {
  update(b: Uint8Array): unknown
  digest(): Uint8Array
}

async function digestfile(sys: Sys, state: Digest, fd: number, name?: string): Promise<string> {
  try {
    for (;;) {
      const b = await sys.read(fd, Bsize)
      if (b.length === 0) break
      state.update(b)
    }
  } catch (e) {
    const msg = `reading ${name ?? 'stdin'}: ${r(e)}\n`
    await eprint(sys, msg)
    return msg
  }
  const hex = Array.from(state.digest(), c => c.toString(16).padStart(2, '0')).join('')
  await write(sys, 1, `${hex}${name === undefined ? '' : `\t${name}`}\n`)
  return ''
}

/** Prints the digest of each file, or of standard input; the exit status. */
export async function digests(sys: Sys, argv0: string, names: string[], begin: () => Digest): Promise<string> {
  if (names.length === 0) return digestfile(sys, begin(), 0)
  let status = ''
  for (const name of names) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      status = `can't open ${name}: ${r(e)}`
      await eprint(sys, `${argv0}: ${status}\n`)
      continue
    }
    status = (await digestfile(sys, begin(), fd, name)) || status
    await sys.close(fd)
  }
  return status
}
