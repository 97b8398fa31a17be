import { errstr, PlanError } from '../../plan9/error.ts'
import { type Blocks, cached } from '../disk/blocks.ts'
import { Iso } from '../disk/iso9660.ts'
import type { Command, Dialogue, Step } from './dialogue.ts'

/** What is known of a system before it runs: how it is started, what it asks, and how it is made reachable. */
export interface Profile {
  name: string
  /** Bytes. */
  memory: number
  machine: '386' | 'amd64'
  /** plan9.ini, which the kernel reads as its initial RAM disk. */
  ini?: string
  /** What is booted without a BIOS: its name in the image. */
  kernel?: string
  cmdline?: string
  uart1: boolean
  net: boolean
  /** From power on to the prompt. */
  dialogue: readonly Step[]
  /** What the shell says. */
  prompt: RegExp
  shell: 'rc' | 'sh'
  /** The shared disk, as the system has it. */
  disk: string
  /** At the prompt, with that disk; and without. */
  setup: readonly Command[]
  bare: readonly Command[]
}

/** Bytes of a kernel at most: what is larger lies outside what the kernel has mapped when it starts. */
const MAXKERNEL = 17 << 20
/** A stripped kernel's header counts on to the end of a page, which the file does not have. */
const PAGE = 4096
const MULTIBOOT = 0x1badb002
/** Milliseconds that a shell at its prompt may take. */
const WAKE = 60_000
/** Where the header may be at the latest. */
const HEADER = 8192

/**
 * A multiboot kernel with zeros behind it.
 *
 * @throws PlanError what is wrong with it
 */
export function multibootkernel(file: Uint8Array, name: string): Uint8Array {
  const bad = (why: string) => new PlanError(`${name}: ${why}`)
  if (file.length > MAXKERNEL) throw bad(`too big to be booted: ${file.length} bytes, ${MAXKERNEL} at most`)
  const v = new DataView(file.buffer, file.byteOffset, file.length)
  for (let at = 0; at + 32 <= Math.min(file.length, HEADER); at += 4) {
    if (v.getUint32(at, true) !== MULTIBOOT) continue
    const flags = v.getUint32(at + 4, true)
    if ((MULTIBOOT + flags + v.getUint32(at + 8, true)) >>> 0 !== 0) continue
    if (!(flags & 0x10000)) throw bad('its multiboot header has no addresses')
    const before = v.getUint32(at + 12, true) - v.getUint32(at + 16, true)
    const size = v.getUint32(at + 20, true) - v.getUint32(at + 16, true)
    const need = at - before + size
    if (before < 0 || before > at || size <= 0) throw bad('bad multiboot header')
    if (need > file.length + 2 * PAGE) throw bad(`cut short: ${file.length} bytes of ${need}`)
    const out = new Uint8Array(Math.max(need, file.length) + 2 * PAGE)
    out.set(file)
    return out
  }
  throw bad('not a multiboot kernel')
}

/** What begins a file that is often taken for an image of a disk or a CD-ROM, and what to do. */
const others: [number[], string][] = [
  [[0x1f, 0x8b], 'compressed: gunzip it'],
  [[0x51, 0x46, 0x49, 0xfb], 'a qcow2 image, which QEMU runs: 9ml vm'],
]

/**
 * The kernel of an ISO that a profile boots.
 *
 * @throws PlanError why the image cannot be booted so
 */
export async function kernelof(profile: Profile, image: Blocks): Promise<Uint8Array> {
  const { kernel } = profile
  if (kernel === undefined) throw new PlanError(`${profile.name}: is booted by a BIOS`)
  const blocks = cached(image)
  const head = await blocks.read(0, 8)
  const not = (why: string) => new PlanError(`not an ISO of ${profile.name}: ${why}`)
  for (const [magic, why] of others) if (magic.every((b, i) => head[i] === b)) throw not(why)
  let iso: Iso
  try {
    iso = await Iso.open(blocks)
  } catch (e) {
    throw not(errstr(e))
  }
  const file = await iso.find(kernel)
  if (!file) {
    if (await iso.find('/amd64/9pc64'))
      throw new PlanError('image is for amd64: v86 has no 64-bit mode; QEMU runs it: 9ml vm')
    throw not(`no ${kernel}`)
  }
  if (file.length > MAXKERNEL)
    throw new PlanError(`${kernel}: too big to be booted: ${file.length} bytes, ${MAXKERNEL} at most`)
  return multibootkernel(await iso.read(file, 0, file.length), kernel)
}

/** From power on to a prompt. @throws PlanError */
export function boot(profile: Profile, d: Dialogue, signal?: AbortSignal): Promise<void> {
  return d.run(profile.dialogue, signal)
}

/**
 * From the prompt to a system that is reached from outside.
 *
 * @returns the ways in: tcp, eia1
 * @throws PlanError
 */
export async function setup(profile: Profile, d: Dialogue, signal?: AbortSignal): Promise<string[]> {
  await d.prompt(WAKE, true, signal)
  const { status } = await d.status(`test -f ${profile.disk}`, WAKE, signal)
  const texts = await d.perform(status === '' ? profile.setup : profile.bare, signal)
  const text = texts.join('\n')
  for (const [complaint] of text.matchAll(/^9mlsetup: .*$/gm)) d.tell(complaint)
  const ready = /^9ml: ready(.*)$/m.exec(text)
  if (!ready) throw new PlanError(`${profile.name}: not ready`)
  return ready[1]!.trim().split(/ +/)
}
