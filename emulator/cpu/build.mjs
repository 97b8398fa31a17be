// Assembles stub.s (GNU as, ld) and embeds it in stub.gen.ts, which is kept in the tree: users need no assembler.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const here = dirname(fileURLToPath(import.meta.url))
const output = join(here, 'stub.gen.ts')

/** Where stub.s is linked: KZERO and a megabyte, with what is zeroed behind it on pages of its own. */
const script = `SECTIONS {
  . = 0xF0100000;
  .text : { *(.text) }
  .bss : { *(.bss) }
  /DISCARD/ : { *(.note*) *(.data) }
}
`

/** The text of stub.gen.ts, as stub.s makes it. */
export async function assemble() {
  const tmp = await mkdtemp(join(tmpdir(), '9ml-stub-'))
  const file = name => join(tmp, name)
  try {
    await writeFile(file('stub.ld'), script)
    await run('as', ['--32', '-o', file('stub.o'), join(here, 'stub.s')])
    await run('ld', [
      '-m',
      'elf_i386',
      '-T',
      file('stub.ld'),
      '-nostdlib',
      '-e',
      '_start',
      '-o',
      file('stub.elf'),
      file('stub.o'),
    ])
    await run('objcopy', ['-O', 'binary', '-j', '.text', file('stub.elf'), file('stub.bin')])
    const { stdout } = await run('nm', [file('stub.elf')])
    const at = name => `0x${stdout.match(new RegExp(`^([0-9a-f]+) . ${name}$`, 'm'))[1]}`
    const lines = (await readFile(file('stub.bin'))).toString('base64').match(/.{1,110}/g)
    return `// Made by build.mjs from stub.s. The addresses are the supervisor's.
export const stub = {
  mach: ${at('mach')},
  stacktop: ${at('stacktop')},
  pd: ${at('pd')},
  base64:
${lines.map(l => `    '${l}'`).join(' +\n')},
}
`
  } finally {
    await rm(tmp, { recursive: true, force: true })
  }
}

export async function build() {
  const text = await assemble()
  const old = await readFile(output, 'utf8').catch(() => '')
  if (text !== old) await writeFile(output, text)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build()
