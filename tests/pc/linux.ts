import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/**
 * A real operating system for the PC: Debian's kernel for i386 and a busybox, of Debian's packages, with an initramfs made
 * here.
 */

const top = join(import.meta.dirname, '..', '..')
const cache = join(top, 'node_modules', '.cache', '9ml', 'linux686')
/** Where Debian's package seabios has them. */
const seabios = '/usr/share/seabios'

export interface Linux {
  kernel: Uint8Array
  busybox: Uint8Array
  bios: Uint8Array
  vgabios: Uint8Array
  /** Kernel modules and what they depend on, by their names without .ko, in the order to be loaded. */
  modules(...names: string[]): Map<string, Uint8Array>
}

/** apt for i386, with lists and a cache of its own: the system's are left as they are. */
function apt(command: string, dir: string, argv: string[]): string {
  const lists = join(dir, 'apt')
  for (const d of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(lists, d), { recursive: true })
  writeFileSync(join(lists, 'status'), '')
  const options = {
    'APT::Architecture': 'i386',
    'APT::Architectures': 'i386',
    'APT::Sandbox::User': '',
    'Dir::State::lists': join(lists, 'lists'),
    'Dir::State::status': join(lists, 'status'),
    'Dir::Cache': join(lists, 'cache'),
  }
  const o = Object.entries(options).flatMap(([k, v]) => ['-o', `${k}=${v}`])
  return execFileSync(command, [...o, ...argv], { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Gets the packages, once for all. @throws when they cannot be had */
function packages(): void {
  mkdirSync(join(cache, '..'), { recursive: true })
  const dir = mkdtempSync(join(cache, '..', 'linux686-'))
  try {
    try {
      apt('apt-get', dir, ['update', '-qq'])
    } catch {
      // One of its lists could not be had: that of the kernel may be there.
    }
    const names = apt('apt-cache', dir, ['pkgnames', 'linux-image-'])
      .split('\n')
      .filter(n => /^linux-image-[\d.-]+-686(-unsigned)?$/.test(n))
    const version = (n: string) => n.match(/\d+/g)!.map(Number)
    names.sort((a, b) => {
      const [va, vb] = [version(a), version(b)]
      const k = va.findIndex((n, i) => n !== vb[i])
      return k < 0 ? 0 : va[k]! - (vb[k] ?? 0)
    })
    const kernel = names.at(-1)
    if (!kernel) throw new Error('no linux-image for i386 in Debian’s lists')
    apt('apt-get', dir, ['download', '-qq', kernel, 'busybox-static'])
    for (const deb of readdirSync(dir).filter(n => n.endsWith('.deb')))
      execFileSync('dpkg-deb', ['-x', deb, 'x'], { cwd: dir })
    rmSync(cache, { recursive: true, force: true })
    renameSync(join(dir, 'x'), cache)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** @throws Debian's packages cannot be had, or seabios is missing */
export function linux(): Linux {
  if (!existsSync(join(cache, 'boot'))) packages()
  const boot = readdirSync(join(cache, 'boot')).find(n => n.startsWith('vmlinuz-'))!
  const modules = join(cache, 'lib', 'modules', boot.replace('vmlinuz-', ''), 'kernel')
  const bytes = (...names: string[]) => new Uint8Array(readFileSync(join(...names)))
  const files = readdirSync(modules, { recursive: true, encoding: 'utf8' })
  return {
    kernel: bytes(cache, 'boot', boot),
    busybox: bytes(cache, 'bin', 'busybox'),
    bios: bytes(seabios, 'bios.bin'),
    vgabios: bytes(seabios, 'vgabios-stdvga.bin'),
    modules(...names) {
      const all = new Map<string, Uint8Array>()
      const add = (name: string) => {
        if (all.has(name)) return
        const file = files.find(f => f.endsWith(`/${name.replaceAll('_', '-')}.ko`) || f.endsWith(`/${name}.ko`))
        if (!file) throw new Error(`no kernel module ${name}`)
        const ko = bytes(modules, file)
        const depends = /\0depends=([^\0]*)\0/.exec(Buffer.from(ko).toString('latin1'))?.[1] ?? ''
        for (const d of depends.split(',')) if (d !== '') add(d)
        all.set(name, ko)
      }
      for (const name of names) add(name)
      return all
    },
  }
}

export interface InitFile {
  mode?: number
  data: Uint8Array | string
}

/** An initramfs: a cpio archive of the kind newc. Directories are made as they are needed. */
export function initramfs(files: Record<string, InitFile>): Uint8Array {
  const encoder = new TextEncoder()
  const parts: Uint8Array[] = []
  let ino = 0
  const pad = (b: Uint8Array) => {
    const out = new Uint8Array((b.length + 3) & ~3)
    out.set(b)
    return out
  }
  const entry = (name: string, mode: number, data: Uint8Array) => {
    const fields = [++ino, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0]
    const head = `070701${fields.map(n => n.toString(16).padStart(8, '0')).join('')}${name}\0`
    parts.push(pad(encoder.encode(head)), pad(data))
  }
  const made = new Set<string>()
  for (const [name, { mode = 0o644, data }] of Object.entries(files)) {
    const elems = name.split('/')
    for (let i = 1; i < elems.length; i++) {
      const dir = elems.slice(0, i).join('/')
      if (!made.has(dir)) entry(dir, 0o040755, new Uint8Array(0))
      made.add(dir)
    }
    entry(name, 0o100000 | mode, typeof data === 'string' ? encoder.encode(data) : data)
  }
  entry('TRAILER!!!', 0, new Uint8Array(0))
  return new Uint8Array(Buffer.concat(parts))
}
