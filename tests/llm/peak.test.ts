import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Httpserver } from '../httpserver.ts'
import { embedded, randomCheckpoint } from './models.ts'

const top = join(import.meta.dirname, '..', '..')
test('a model from a URL takes no more memory than 1.15 times its size and 64 MB, while it loads', async () => {
  const shape = { dim: 288, hidden_dim: 768, n_layers: 6, n_heads: 6, n_kv_heads: 6, vocab_size: 32000, seq_len: 256 }
  const model = randomCheckpoint(shape, true, 7)
  const server = await Httpserver.start({
    '/small.bin': { bytes: readFileSync(join(embedded, 'stories.bin')) },
    '/model.bin': { bytes: model },
  })
  try {
    const urls = ['/small.bin', '/model.bin'].map(path => server.url + path)
    const argv = ['--import', 'tsx', join(import.meta.dirname, 'peak.ts'), ...urls]
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: top })
    const grown = Number(stdout)
    expect(model.length).toBeGreaterThan(60e6)
    // The weights alone are as large as the file.
    expect(grown).toBeGreaterThan(0.8 * model.length)
    expect(grown).toBeLessThan(1.15 * model.length + (64 << 20))
  } finally {
    await server.close()
  }
})
