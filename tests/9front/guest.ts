import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Blocks } from '../../emulator/disk/blocks.ts'
import { Dialogue } from '../../emulator/pc/dialogue.ts'
import { kernelof, type Profile } from '../../emulator/pc/profile.ts'
import { PcThread, type Saved } from '../../emulator/pc/thread.ts'
import { pcWorker } from '../../shell/node/pcworker.ts'

/** Where the guest has what the suite of llmfs reads, and its slow file. */
export const FILES = '/n/suite'
export const SLOW = '/n/slow'

const root = join(import.meta.dirname, '..', '..', 'plan9', 'root')
const MB = 1 << 20

export function fileBlocks(path: string): Blocks & { close(): void } {
  const fd = openSync(path, 'r')
  return {
    size: statSync(path).size,
    async read(offset, n) {
      const b = new Uint8Array(n)
      return b.subarray(0, readSync(fd, b, 0, n, offset))
    },
    close: () => closeSync(fd),
  }
}

/** The shared disk as a guest has it: setup, the sources, the embedded models. Made by mtools. */
export function sharedDisk(path: string): void {
  writeFileSync(path, '')
  truncateSync(path, 64 * MB)
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  run('mformat', '-i', path, '-F', '::')
  for (const dir of ['386', '386/bin', 'amd64', 'amd64/bin', 'sys', 'sys/src', 'sys/src/cmd', 'lib'])
    run('mmd', '-i', path, `::${dir}`)
  run('mcopy', '-i', path, join(root, 'rc/bin/9mlsetup'), '::setup')
  run('mcopy', '-s', '-i', path, join(root, 'sys/src/cmd/llm'), '::sys/src/cmd/llm')
  run('mcopy', '-s', '-i', path, join(root, 'lib/llm'), '::lib/llm')
}

export interface Guest {
  pc: PcThread
  dialogue: Dialogue
}

/** A PC that runs: from nothing, or as it was saved. */
export async function start(
  profile: Profile,
  images: { hda: Blocks; hdb: Blocks },
  o: { saved?: Saved; console(text: string): void },
): Promise<Guest> {
  const { memory, net, uart1, ini } = profile
  const multiboot = o.saved ? undefined : await kernelof(profile, images.hda)
  const pc = await PcThread.start(
    pcWorker(),
    {
      memory,
      net,
      uart1,
      ...(multiboot && { kernel: { multiboot, initrd: new TextEncoder().encode(ini ?? '') } }),
      ...(o.saved && { state: o.saved.state, ...(o.saved.host && { host: o.saved.host }) }),
    },
    images,
  )
  const utf = new TextDecoder()
  const dialogue = new Dialogue(
    {
      async read() {
        const b = await pc.console.read()
        o.console(utf.decode(b, { stream: true }))
        return b
      },
      write: b => pc.console.write(b),
    },
    { prompt: profile.prompt, shell: profile.shell, log: text => console.log(`\t${text}`) },
  )
  await pc.run()
  return { pc, dialogue }
}
