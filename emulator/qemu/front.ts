import { type FileHandle, open } from 'node:fs/promises'
import { errstr, PlanError } from '../../plan9/error.ts'
import { kernelof, type Profile } from '../pc/profile.ts'
import { front, frontbios } from '../pc/profiles/9front.ts'
import { type Drive, type Machine, machines } from './qemu.ts'

/** 9front under QEMU: what an image is, and how it is started. */

/** Of an ISO, which is a CD here: its kernel is given to QEMU, and asks nothing. amd64's header is as 386's. */
const cd: Record<Machine, Profile> = {
  386: { ...front, ini: front.ini!.replace('/dev/sdC0/data', '/dev/sdD0/data') },
  amd64: {
    ...front,
    machine: 'amd64',
    kernel: '/amd64/9pc64',
    ini: front.ini!.replace('/dev/sdC0/data', '/dev/sdD0/data'),
  },
}

/** @throws PlanError */
export async function reading<T>(file: string, f: (h: FileHandle) => Promise<T>): Promise<T> {
  let h: FileHandle
  try {
    h = await open(file)
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new PlanError(`${file} does not exist`)
    throw new PlanError(code === 'EACCES' ? `permission denied: ${file}` : `${file}: ${errstr(e)}`)
  }
  try {
    if ((await h.stat()).isDirectory()) throw new PlanError(`${file} is a directory`)
    return await f(h)
  } finally {
    await h.close()
  }
}

/** What an image is, by its contents. @throws PlanError */
export function driveOf(file: string): Promise<Drive> {
  return reading(file, async h => {
    const at = async (n: number, position: number) =>
      (await h.read(Buffer.alloc(n), 0, n, position)).buffer.toString('latin1')
    if ((await at(4, 0)) === 'QFI\xfb') return { file, format: 'qcow2' }
    return { file, format: (await at(5, 0x8001)) === 'CD001' ? 'iso' : 'raw' }
  })
}

/** What is booted of an ISO: that of the machine asked for, or of the first there is one for. @throws PlanError */
export function kernelOf(file: string, machine?: Machine): Promise<{ profile: Profile; kernel: Uint8Array }> {
  return reading(file, async h => {
    const { size } = await h.stat()
    const read = async (offset: number, n: number) => {
      const { buffer, bytesRead } = await h.read(new Uint8Array(n), 0, n, offset)
      return buffer.subarray(0, bytesRead)
    }
    let why: unknown
    for (const m of machine ? [machine] : machines) {
      try {
        return { profile: cd[m], kernel: await kernelof(cd[m], { size, read }) }
      } catch (e) {
        why = e
      }
    }
    // v86's troubles are not ours.
    throw new PlanError(`${file}: ${errstr(why).replace(/^(image is for amd64): .*/, '$1')}`)
  })
}

/** How one is spoken to that was started of this: a kernel of ours asks nothing, what a BIOS boots may. */
export const profileOf = (kernel: boolean): Profile => (kernel ? cd[386] : frontbios)
