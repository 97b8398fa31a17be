import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A multiboot kernel that prints its first module and `term% ` on the serial line, and then echoes, with a prompt behind
 * each line.
 */
export function tiny(): Uint8Array {
  const at = 0x100000
  const text = 0x90
  const code = [
    // mov eax,[ebx+24]; mov esi,[eax]; mov ecx,[eax+4]; sub ecx,esi; mov edx,0x3f8; rep outsb
    0x8b,
    0x43,
    24,
    0x8b,
    0x30,
    0x8b,
    0x48,
    4,
    0x29,
    0xf1,
    0xba,
    0xf8,
    3,
    0,
    0,
    0xf3,
    0x6e,
    // say: mov esi,text; mov ecx,7; mov edx,0x3f8; rep outsb
    0xbe,
    ...le(at + text),
    0xb9,
    7,
    0,
    0,
    0,
    0xba,
    0xf8,
    3,
    0,
    0,
    0xf3,
    0x6e,
    // look: mov edx,0x3fd; in al,dx; test al,1; jz look
    0xba,
    0xfd,
    3,
    0,
    0,
    0xec,
    0xa8,
    1,
    0x74,
    0xf6,
    // mov edx,0x3f8; in al,dx; out dx,al; cmp al,10; jne look; jmp say
    0xba,
    0xf8,
    3,
    0,
    0,
    0xec,
    0xee,
    0x3c,
    10,
    0x75,
    0xeb,
    0xeb,
    0xd8,
  ]
  const b = new Uint8Array(4096)
  const flags = 0x10003
  b.set([...le(0x1badb002), ...le(flags), ...le(-(0x1badb002 + flags)), ...le(at), ...le(at)])
  b.set([...le(at + 4096), ...le(at + 4096), ...le(at + 32), ...code], 20)
  b.set(new TextEncoder().encode('\nterm% '), text)
  return b
}
const le = (n: number) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255]

/** An ISO of these files, in a directory. */
export function iso(dir: string, name: string, files: Record<string, Uint8Array>): void {
  const tree = join(dir, `${name}.d`)
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(join(tree, file, '..'), { recursive: true })
    writeFileSync(join(tree, file), bytes)
  }
  const { status, stderr } = spawnSync('genisoimage', ['-quiet', '-o', join(dir, name), tree])
  if (status !== 0) throw new Error(String(stderr))
}
