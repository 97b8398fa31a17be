import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'

/** sw.js: the service worker of web/sw.js, with the names of all that was built. */
export function swPlugin(file: string): Plugin {
  return {
    name: '9ml-sw',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const names = Object.keys(bundle)
          .filter(n => !n.endsWith('.map'))
          .sort()
        const version = createHash('sha256').update(names.join()).digest('hex').slice(0, 10)
        const source = readFileSync(file, 'utf8')
          .replace('__FILES__', JSON.stringify(['./', ...names.filter(n => n !== 'index.html' && n !== 'sw.js')]))
          .replace('__VERSION__', JSON.stringify(version))
        this.emitFile({ type: 'asset', fileName: 'sw.js', source })
      },
    },
  }
}
