import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Tree } from '../../plan9/9p/tree.ts'

/** Where the distribution is: beside the built program, or in the sources. */
function rootDir(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const found = [join(here, 'root'), join(here, '..', '..', 'plan9', 'root')].find(existsSync)
  if (!found) throw new Error(`the distribution's files are not beside ${here}`)
  return found
}

/** Puts the files of a directory of the host into a tree; each is read when it is first asked for. */
export function fillRoot(tree: Tree, dir = rootDir(), under = ''): void {
  for (const entry of readdirSync(join(dir, under), { withFileTypes: true })) {
    const path = `${under}/${entry.name}`
    if (entry.isDirectory()) {
      tree.mkdir(path)
      fillRoot(tree, dir, path)
      continue
    }
    const file = join(dir, path)
    const { size, mode } = statSync(file)
    const load = async () => new Uint8Array(readFileSync(file))
    tree.add(path, { length: size, load }, mode & 0o111 ? 0o775 : 0o664)
  }
}
