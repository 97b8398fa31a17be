// Compiles kernels.as.ts to WebAssembly and embeds it in kernels.gen.ts, which is kept in the tree: users need no compiler.

import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const output = join(here, 'kernels.gen.ts')

/** The text of kernels.gen.ts, as the present source makes it. */
export async function compile() {
  const { default: asc } = await import('assemblyscript/asc')
  const files = new Map()
  const { error, stderr } = await asc.main(
    [
      'kernels.as.ts',
      '--outFile=kernels.wasm',
      '--runtime=stub',
      '--importMemory',
      '--noExportMemory',
      '--enable=simd,bulk-memory',
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
  const lines = wasm.toString('base64').match(/.{1,110}/g)
  return `// Made by build.mjs from kernels.as.ts.\nexport const kernels =\n${lines.map(l => `  '${l}'`).join(' +\n')}\n`
}

export async function build() {
  const text = await compile()
  const old = await readFile(output, 'utf8').catch(() => '')
  if (text !== old) await writeFile(output, text)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build()
