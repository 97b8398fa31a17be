import { OWRITE } from '../9p/const.ts'
import { PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'
import { readfile } from './bio.ts'
import { text } from './rune.ts'

/** getenv(2): a variable's value, its list's elements joined by blanks; undefined when it is not set. */
export async function getenv(sys: Sys, name: string): Promise<string | undefined> {
  try {
    const s = text(await readfile(sys, `/env/${name}`))
    return s.endsWith('\0') ? s.slice(0, -1).replaceAll('\0', ' ') : s.replaceAll('\0', ' ')
  } catch (e) {
    if (e instanceof PlanError) return undefined
    throw e
  }
}

/** getwd(2). */
export async function getwd(sys: Sys): Promise<string> {
  const fd = await sys.open('.', 0)
  try {
    return await sys.fd2path(fd)
  } finally {
    await sys.close(fd)
  }
}

/** Makes the process another user's. @throws PlanError Eperm for any but none */
export async function procsetuser(sys: Sys, user: string): Promise<void> {
  const fd = await sys.open('/dev/user', OWRITE)
  try {
    await sys.write(fd, user)
  } finally {
    await sys.close(fd)
  }
}
