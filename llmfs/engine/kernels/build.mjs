// Compiles kernels.as.ts to WebAssembly and embeds it in kernels.gen.ts, which is kept in the tree: users need no compiler.

import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const output = join(here, 'kernels.gen.ts')

/** The limits of the memory that the module imports: 0, 65536 pages, and first that it is shared. */
const LIMITS = Buffer.from('\x03env\x06memory\x02\x03\x00\x80\x80\x04', 'latin1')

/** The module as its base64, and the place of the byte that says what memory it imports. */
async function module(features) {
  const { default: asc } = await import('assemblyscript/asc')
  const files = new Map()
  const { error, stderr } = await asc.main(
    [
      'kernels.as.ts',
      '--outFile=kernels.wasm',
      '--runtime=stub',
      '--importMemory',
      '--noExportMemory',
      '--sharedMemory',
      '--maximumMemory=65536',
      `--enable=${features}`,
      '--optimizeLevel=3',
      '--shrinkLevel=0',
      '--noAssert',
      '--use=abort=',
    ],
    {
      readFile: async (name, base) => readFile(join(here, base === '.' ? '' : base, name), 'utf8').catch(() => null),
      writeFile: (name, data) => void files.set(name, data),
      listFiles: () => [],
    },
  )
  if (error) throw new Error(`kernels.as.ts: ${error.message}\n${stderr.toString()}`)
  const wasm = Buffer.from(files.get('kernels.wasm'))
  const at = wasm.indexOf(LIMITS)
  if (at < 0 || wasm.indexOf(LIMITS, at + 1) >= 0) throw new Error('kernels.as.ts: no import of a shared memory found')
  const lines = wasm.toString('base64').match(/.{1,110}/g)
  return `{\n  shared: ${at + LIMITS.indexOf('\x02\x03', 0, 'latin1') + 1},\n  base64:\n${lines.map(l => `    '${l}'`).join(' +\n')},\n}`
}

/** The text of kernels.gen.ts, as the present sources make it. */
export async function compile() {
  const plain = await module('simd,bulk-memory,threads')
  const relaxed = await module('simd,bulk-memory,threads,relaxed-simd')
  return `// Made by build.mjs from kernels.as.ts. The byte at \`shared\` is 3 for a shared memory, 1 for one that is not.
export const plain = ${plain}
export const relaxed = ${relaxed}
`
}

export async function build() {
  const text = await compile()
  const old = await readFile(output, 'utf8').catch(() => '')
  if (text !== old) await writeFile(output, text)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build()
