import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { kernelof, multibootkernel } from '../../emulator/pc/profile.ts'
import { front, frontbios } from '../../emulator/pc/profiles/9front.ts'

/** An a.out as 9front's linker makes its kernel: the header at 0x40, loaded at 1 MB, whose data end at a page's end. */
function kernel(size = 3 << 20, change: (v: DataView) => void = () => {}): Uint8Array {
  const b = new Uint8Array(size).fill(0x90)
  const v = new DataView(b.buffer)
  v.setUint32(0, 0x1eb)
  const at = 0x40
  const load = 0x100020
  const fields = [0x1badb002, 0x00010007, -(0x1badb002 + 0x00010007), load + 0x20, load, load + size - 0x20 + 3000]
  fields.forEach((n, i) => {
    v.setUint32(at + 4 * i, n, true)
  })
  change(v)
  return b
}

const blocks = (b: Uint8Array) => ({ size: b.length, read: async (o: number, n: number) => b.slice(o, o + n) })

function iso(files: Record<string, Uint8Array>): Uint8Array {
  const dir = mkdtempSync(join(tmpdir(), '9ml-profile-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  for (const [name, data] of Object.entries(files)) {
    mkdirSync(join(dir, 'src', name, '..'), { recursive: true })
    writeFileSync(join(dir, 'src', name), data)
  }
  execFileSync('genisoimage', ['-quiet', '-R', '-o', join(dir, 'iso'), join(dir, 'src')], { stdio: 'pipe' })
  return readFileSync(join(dir, 'iso'))
}

describe('a kernel', () => {
  test('is followed by as many zeros as its header counts, and a page more', () => {
    const k = kernel(1 << 20)
    const out = multibootkernel(k, '9pc')
    expect(Buffer.compare(out.subarray(0, k.length), k)).toBe(0)
    expect(out.length).toBeGreaterThanOrEqual(k.length + 3000 + 4096)
    expect(out.subarray(k.length).every(b => b === 0)).toBe(true)
  })

  test.each<[string, Uint8Array, RegExp]>([
    ['ELF', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, ...new Uint8Array(100)), /^9pc: not a multiboot kernel$/],
    ['nothing', new Uint8Array(0), /^9pc: not a multiboot kernel$/],
    ['no header', kernel(65536, v => v.setUint32(0x40, 0)), /^9pc: not a multiboot kernel$/],
    ['a bad sum', kernel(65536, v => v.setUint32(0x48, 0)), /^9pc: not a multiboot kernel$/],
    [
      'an ELF’s header',
      kernel(65536, v => v.setBigUint64(0x44, (BigInt(2 ** 32 - (0x1badb002 + 7)) << 32n) | 7n, true)),
      /has no addresses$/,
    ],
    ['addresses outside', kernel(65536, v => v.setUint32(0x50, 0x900000, true)), /^9pc: bad multiboot header$/],
    ['half of it', kernel().slice(0, 1 << 20), /^9pc: cut short: 1048576 bytes of 31\d+$/],
    ['one that is too big', kernel(18 << 20), /^9pc: too big to be booted: 18874368 bytes, 17825792 at most$/],
  ])('%s is refused', (_, bytes, why) => {
    expect(() => multibootkernel(bytes, '9pc')).toThrow(why)
  })
})

describe('an image', () => {
  test('of 9front has its kernel', async () => {
    const k = kernel()
    const got = await kernelof(front, blocks(iso({ '386/9pc': k, 'rc/bin/x': new Uint8Array(10) })))
    expect(Buffer.compare(got, multibootkernel(k, '/386/9pc'))).toBe(0)
  })

  test('of amd64 alone is refused, and QEMU named', async () => {
    await expect(kernelof(front, blocks(iso({ 'amd64/9pc64': new Uint8Array(100) })))).rejects.toThrow(
      /^image is for amd64: .*9ml vm$/,
    )
  })

  test.each<[string, () => Uint8Array, RegExp]>([
    ['of something else', () => iso({ readme: new Uint8Array(100) }), /^not an ISO of 9front: no \/386\/9pc$/],
    ['of a damaged kernel', () => iso({ '386/9pc': new Uint8Array(100) }), /^\/386\/9pc: not a multiboot kernel$/],
    ['compressed', () => Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0), /gunzip/],
    ['for QEMU', () => Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3), /9ml vm/],
    ['that is none', () => new Uint8Array(65536), /^not an ISO of 9front: unknown cd type$/],
  ])('%s is refused', async (_, bytes, why) => {
    await expect(kernelof(front, blocks(bytes()))).rejects.toThrow(why)
  })

  test('that a BIOS boots has no kernel to be read', async () => {
    await expect(kernelof(frontbios, blocks(new Uint8Array(0)))).rejects.toThrow('is booted by a BIOS')
  })
})
