import { DMDIR } from '../plan9/9p/const.ts'
import { serve } from '../plan9/9p/server.ts'
import { pipeTransport, type Transport } from '../plan9/9p/transport.ts'
import { ramfs, Tree } from '../plan9/9p/tree.ts'
import type { Home } from './kernel.ts'
import { opfs, Store } from './opfs.ts'
import type { Pack } from './root.ts'

/** The directory of OPFS, and the lock's name: whoever holds it owns the directory. */
const NAME = '9ml'
/** How long a page waits for one before it to let go, in milliseconds: a reload, and anything else. */
const PATIENT = 4000
const IMPATIENT = 400
/** What the distribution has for a home directory, without a leading slash. */
const SEED = 'usr/glenda/'

/** Directories that a home has besides. */
const DIRECTORIES = ['bin/rc', 'lib', 'tmp']

interface Served {
  transport: Transport
  home: Home
}

/** Takes the lock until this Worker ends. */
async function lock(ms: number): Promise<boolean> {
  return new Promise(resolve => {
    navigator.locks
      .request(NAME, { signal: AbortSignal.timeout(ms) }, () => {
        resolve(true)
        return new Promise(() => {})
      })
      .catch(() => resolve(false))
  })
}

/** The lock's last owner may not be quite gone yet: its access handles end a little after its lock. */
async function openStore(user: string, ms: number): Promise<Store> {
  const top = await (await navigator.storage.getDirectory()).getDirectoryHandle(NAME, { create: true })
  const until = performance.now() + ms
  for (;;) {
    try {
      return await Store.open(top, user)
    } catch (err) {
      const busy = err instanceof DOMException && err.name === 'NoModificationAllowedError'
      if (!busy || performance.now() > until) throw err
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

async function seed(store: Store, pack: Pack): Promise<void> {
  for (const path of DIRECTORIES) {
    let at = store.root
    for (const name of path.split('/'))
      at = at.children!.get(name) ?? (await store.make(at, name, (DMDIR | 0o775) >>> 0))
  }
  for (const { path, dir, mode } of pack.entries) {
    if (!path.startsWith(SEED)) continue
    const names = path.slice(SEED.length).split('/')
    let at = store.root
    for (const name of names.slice(0, -1)) at = at.children!.get(name)!
    const name = names.at(-1)!
    if (at.children!.has(name)) continue
    const node = await store.make(at, name, dir ? (DMDIR | mode) >>> 0 : mode)
    if (dir) continue
    await store.write(node, 0, pack.data.get(path) ?? new Uint8Array(0))
    store.release(node)
  }
}

/**
 * Serves the home directory: from OPFS, where it lasts, when this page is the only one that has it open and the browser
 * has OPFS; else from memory. A new one gets what the distribution has in usr/glenda.
 */
export async function serveHome(user: string, pack: Promise<Pack>, patient: boolean): Promise<Served> {
  const ms = patient ? PATIENT : IMPATIENT
  const [near, far] = pipeTransport()
  let why = 'this browser keeps no files'
  try {
    if (!(await lock(ms))) why = 'another tab has it open'
    else {
      const store = await openStore(user, ms)
      if (store.empty) await seed(store, await pack)
      serve(far, opfs(store), { name: 'usr' })
      return { transport: near, home: { kept: true } }
    }
  } catch (err) {
    if (err instanceof Error && err.message !== '') why = err.message.replace(/\.$/, '')
  }
  const tree = new Tree(user)
  for (const path of DIRECTORIES) tree.mkdir(path)
  const { entries, data } = await pack
  for (const { path, dir, mode } of entries) {
    if (!path.startsWith(SEED)) continue
    const at = path.slice(SEED.length)
    if (dir) tree.mkdir(at, mode)
    else tree.add(at, data.get(path) ?? new Uint8Array(0), mode)
  }
  serve(far, ramfs(tree), { name: 'usr' })
  return { transport: near, home: { kept: false, why } }
}
