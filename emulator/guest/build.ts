/**
 * npm run guest [linux]: our Plan 9 C by gcc. Linux programs for tests in dist/guest/linux; Plan 9's in dist/guest/plan9,
 * and those that are kept in plan9/root/{386,amd64}/bin.
 *
 * What is built from what is said once, in the mkfiles; which libraries a program wants, by the #pragma lib of the
 * headers that its sources include.
 */

import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { aout, script } from './aout.ts'
import { type Arch, stubs, translate } from './asm.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))
const root = join(top, 'plan9', 'root')
const src = join(root, 'sys', 'src')
const dist = join(top, 'dist', 'guest')
/** The gcc and the ld that made what is kept. */
const compilerFile = join(top, 'emulator', 'guest', 'compiler.txt')

export const arches: readonly Arch[] = ['386', 'amd64']

interface Target {
  arch: Arch
  linux: boolean
  asan: boolean
}

/** A folder of programs. */
interface Folder {
  dir: string
  /** Plan 9's are copied to plan9/root/$objtype/bin. */
  kept: boolean
}

const folders: Folder[] = [
  { dir: join(src, 'cmd', 'llm'), kept: true },
  { dir: join(top, 'tests', 'guest', 'c'), kept: false },
]

const warnings = [
  '-Wall',
  '-Wno-unknown-pragmas',
  '-Wno-parentheses',
  '-Wno-missing-braces',
  '-Wno-maybe-uninitialized',
  '-Wno-unused-value',
]
const dialect = [
  ...['-std=gnu99', '-fplan9-extensions', '-fno-builtin', '-ffreestanding', '-nostdinc'],
  ...['-fno-strict-aliasing', '-fwrapv', '-fno-common', '-fno-delete-null-pointer-checks', '-ffp-contract=off'],
]
const plain = [
  ...[
    '-O2',
    '-fno-pic',
    '-fno-stack-protector',
    '-fcf-protection=none',
    '-fno-asynchronous-unwind-tables',
    '-fno-ident',
  ],
  ...['-ffunction-sections', '-fdata-sections', '-fno-tree-loop-distribute-patterns'],
]
const machine: Record<Arch, string[]> = {
  '386': ['-m32', '-march=i686', '-msse2', '-mfpmath=sse'],
  amd64: ['-m64'],
}
/** Floats on the 387, of 53 bits, each assignment stored: as 8c has them and Plan 9 sets the 387. */
const x87 = ['-m32', '-march=i686', '-mno-sse', '-mfpmath=387', '-mpc64', '-ffloat-store']
/** Plan 9 keeps its stack to 4 bytes on a 386, and writes below SP when a note comes. */
const plan9: Record<Arch, string[]> = {
  '386': ['-mpreferred-stack-boundary=2'],
  amd64: ['-mno-red-zone'],
}
const sanitize = [
  '-g',
  '-O1',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
]

const run = promisify(execFile)

async function tool(command: string, args: string[]): Promise<string> {
  try {
    return (await run(command, args, { maxBuffer: 1 << 26 })).stdout
  } catch (e) {
    const { stderr } = e as { stderr?: string }
    throw new Error(`${command}: ${stderr || e}`)
  }
}

/** The lists that a mkfile assigns; `$O` is o. */
export function mkfile(path: string, objtype: string): Map<string, string[]> {
  const lists = new Map<string, string[]>()
  const text = readFileSync(path, 'utf8').replace(/\\\n/g, ' ')
  for (const [, name, value] of text.matchAll(/^(\w+)=(.*)$/gm)) {
    const words = value!.replaceAll('$objtype', objtype).replaceAll('$O', 'o').trim()
    lists.set(name!, words === '' ? [] : words.split(/\s+/))
  }
  return lists
}

/** The source behind NAME.o. */
function source(dir: string, object: string): string {
  const stem = join(dir, object.replace(/\.o$/, ''))
  for (const ext of ['.c', '.s']) if (existsSync(stem + ext)) return stem + ext
  throw new Error(`${relative(top, stem)}.o: neither .c nor .s`)
}

/** The folders of sys/src whose libraries the sources' headers name. */
function libraries(sources: string[], arch: Arch): string[] {
  const libs = new Set<string>()
  for (const file of sources.filter(s => s.endsWith('.c'))) {
    for (const [, header] of readFileSync(file, 'utf8').matchAll(/^#include\s+<([\w.]+)>/gm)) {
      const path = [join(root, arch, 'include'), join(root, 'sys', 'include')]
        .map(d => join(d, header!))
        .find(p => existsSync(p))
      const lib = path && /^#pragma\s+lib\s+"(\w+)\.a"/m.exec(readFileSync(path, 'utf8'))?.[1]
      if (lib) libs.add(lib)
    }
  }
  return [...libs]
}

function objects(dir: string, arch: Arch, list = 'OFILES'): string[] {
  return (mkfile(join(dir, 'mkfile'), arch).get(list) ?? []).map(o => source(dir, o))
}

/** A library's sources for a target; those of a folder linux are compiled against glibc. */
function librarySources(lib: string, t: Target): string[] {
  const dir = join(src, lib)
  if (lib === 'libc') {
    if (t.linux) return [...objects(join(dir, 'linux'), t.arch), ...objects(join(dir, 'linux'), t.arch, 'P9FILES')]
    return [t.arch, 'port', 'fmt', '9sys']
      .flatMap(d => objects(join(dir, d), t.arch))
      .concat(join(dir, '9syscall', 'sys.h'))
  }
  const linux = join(dir, 'linux')
  if (t.linux && existsSync(linux)) return [...objects(linux, t.arch), ...objects(linux, t.arch, 'P9FILES')]
  return objects(dir, t.arch)
}

/** All that a program is made of: its own sources, and its libraries' and theirs. */
function closure(own: string[], t: Target): string[] {
  const done = new Map<string, string[]>()
  const want = ['libc', ...libraries(own, t.arch)]
  for (let lib = want.shift(); lib !== undefined; lib = want.shift()) {
    if (done.has(lib)) continue
    if (!existsSync(join(src, lib))) throw new Error(`no ${lib}`)
    const sources = librarySources(lib, t)
    done.set(lib, sources)
    want.push(...libraries(sources, t.arch))
  }
  return [...new Set([...own, ...[...done.values()].flat()])]
}

const isHost = (file: string) => basename(dirname(file)) === 'linux'

function newest(dir: string): number {
  if (!existsSync(dir)) return 0
  return Math.max(0, ...readdirSync(dir).map(f => statSync(join(dir, f)).mtimeMs))
}

/** Whether the gcc and the ld at hand are those that made what is kept: others may warn of other things. */
const known = async (): Promise<boolean> => (await compiler()) === recorded()

class Builder {
  readonly #dist: string
  readonly #machine: Record<Arch, string[]>
  readonly #made = new Map<string, Promise<string>>()
  /** Turns that wait for a processor. */
  readonly #waiting: (() => void)[] = []
  #free = availableParallelism()
  #known: Promise<boolean> | undefined

  constructor(dir: string, flags = machine) {
    this.#dist = dir
    this.#machine = flags
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  #flags(t: Target): string[] {
    const own = t.asan ? ['-fno-pic', '-fno-stack-protector', ...sanitize] : plain
    return [...this.#machine[t.arch], ...own, ...(t.linux ? [] : plan9[t.arch])]
  }

  /** The object of a source, compiled when the source or a header is newer. */
  object(file: string, t: Target): Promise<string> {
    const name = `${t.linux ? 'linux' : 'plan9'}/${t.arch}${t.asan ? '-asan' : ''}`
    const out = join(this.#dist, 'obj', name, `${relative(top, file).replaceAll('/', '_')}.o`)
    let made = this.#made.get(out)
    if (!made) this.#made.set(out, (made = this.#turn(() => this.#compile(file, out, t))))
    return made
  }

  async #compile(file: string, out: string, t: Target): Promise<string> {
    const includes = [join(root, t.arch, 'include'), join(root, 'sys', 'include')]
    const quoted = [...readFileSync(file, 'utf8').matchAll(/^#include\s+"(.*)"/gm)]
    const here = [dirname(file), join(top, 'emulator', 'guest'), ...includes]
    here.push(...quoted.map(([, name]) => dirname(join(dirname(file), name!))))
    const since = Math.max(statSync(file).mtimeMs, ...here.map(newest))
    if (existsSync(out) && statSync(out).mtimeMs > since) return out
    mkdirSync(dirname(out), { recursive: true })
    // others may build the same: nobody sees half of it
    const tmp = `${out}.${process.pid}.${Math.random()}`
    if (isHost(file)) await tool('gcc', [...this.#flags(t), '-std=gnu99', '-Wall', '-c', '-o', tmp, file])
    else if (file.endsWith('.c')) {
      const dirs = includes.flatMap(d => ['-I', d])
      const strict = (await (this.#known ??= known())) ? ['-Werror'] : []
      await tool('gcc', [...this.#flags(t), ...dialect, ...warnings, ...strict, ...dirs, '-c', '-o', tmp, file])
    } else {
      const text = readFileSync(file, 'utf8')
      const asm = file.endsWith('.h') ? stubs(text, t.arch) : text
      writeFileSync(`${tmp}.s`, translate(asm, t.arch, relative(top, file)))
      await tool('as', [t.arch === '386' ? '--32' : '--64', '-o', tmp, `${tmp}.s`])
      unlinkSync(`${tmp}.s`)
    }
    renameSync(tmp, out)
    return out
  }

  /** A program for Linux: p9_ goes before the names that our library and the program define. */
  async linux(name: string, sources: string[], t: Target): Promise<string> {
    const out = join(this.#dist, 'linux', `${t.arch}${t.asan ? '-asan' : ''}`, name)
    const files = [...new Set(sources)]
    const [host, guest] = await Promise.all(
      [files.filter(isHost), files.filter(f => !isHost(f))].map(l => Promise.all(l.map(f => this.object(f, t)))),
    )
    if (existsSync(out) && [...host!, ...guest!].every(o => statSync(o).mtimeMs < statSync(out).mtimeMs)) return out
    mkdirSync(dirname(out), { recursive: true })
    const part = join(this.#dist, 'obj', 'linux', `${t.arch}${t.asan ? '-asan' : ''}`, `${name}.${process.pid}.part.o`)
    await this.#turn(async () => {
      await tool('ld', ['-m', t.arch === '386' ? 'elf_i386' : 'elf_x86_64', '-r', '-o', part, ...guest!])
      const defined = new Set<string>()
      const symbols = async (file: string) =>
        (await tool('nm', ['-g', '--defined-only', '--no-sort', file])).matchAll(/^\S+ \S (\S+)$/gm)
      for (const [, s] of await symbols(part)) if (!s!.startsWith('__')) defined.add(s!)
      for (const file of host!)
        for (const [, s] of await symbols(file)) if (s!.startsWith('p9_')) defined.add(s!.slice(3))
      writeFileSync(`${part}.names`, [...defined].map(s => `${s} p9_${s}\n`).join(''))
      await tool('objcopy', [`--redefine-syms=${part}.names`, part])
      const asan = t.asan ? sanitize : []
      await tool('gcc', [
        ...this.#machine[t.arch],
        '-no-pie',
        ...asan,
        '-o',
        `${part}.out`,
        part,
        ...host!,
        '-lpthread',
      ])
      renameSync(`${part}.out`, out)
      for (const f of [part, `${part}.names`]) unlinkSync(f)
    })
    return out
  }

  /** A Plan 9 a.out. */
  async plan9(name: string, sources: string[], arch: Arch): Promise<string> {
    const t = { arch, linux: false, asan: false }
    const out = join(this.#dist, 'plan9', arch, name)
    const parts = await Promise.all(sources.map(f => this.object(f, t)))
    if (existsSync(out) && parts.every(o => statSync(o).mtimeMs < statSync(out).mtimeMs)) return out
    mkdirSync(dirname(out), { recursive: true })
    const elf = join(this.#dist, 'obj', 'plan9', arch, `${name}.${process.pid}.elf`)
    const lds = `${elf}.ld`
    writeFileSync(lds, script(arch))
    const how = ['-static', '--gc-sections', '--build-id=none', '-z', 'noexecstack', '-T', lds, '-o', elf]
    await this.#turn(() => tool('ld', ['-m', arch === '386' ? 'elf_i386' : 'elf_x86_64', ...how, ...parts]))
    writeFileSync(`${elf}.out`, aout(readFileSync(elf), arch), { mode: 0o755 })
    renameSync(`${elf}.out`, out)
    for (const f of [elf, lds]) unlinkSync(f)
    return out
  }
}

/** The programs of a folder and their own sources: TARG's, each with OFILES; of test/, those that the mkfile's rules link. */
function programs({ dir }: Folder, arch: Arch): { name: string; sources: string[]; test: boolean }[] {
  const path = join(dir, 'mkfile')
  if (!existsSync(path)) return []
  const shared = objects(dir, arch)
  const list = (mkfile(path, arch).get('TARG') ?? [])
    .filter(name => existsSync(join(dir, `${name}.c`)))
    .map(name => ({ name, sources: [join(dir, `${name}.c`), ...shared], test: false }))
  const test = join(dir, 'test')
  for (const file of existsSync(test) ? readdirSync(test).sort() : [])
    if (file.endsWith('.c')) list.push({ name: file.slice(0, -2), sources: [join(test, file), ...shared], test: true })
  return list
}

export async function compiler(): Promise<string> {
  const versions = await Promise.all(['gcc', 'ld'].map(c => tool(c, ['--version'])))
  return versions.map(v => `${v.slice(0, v.indexOf('\n'))}\n`).join('')
}

export const recorded = (): string => (existsSync(compilerFile) ? readFileSync(compilerFile, 'utf8') : '')

/** Linux programs: those of `names`, or all. Returns the folder, in which are 386, amd64, 386-asan and amd64-asan. */
export async function buildLinux(names?: string[]): Promise<string> {
  const builder = new Builder(dist)
  const work: Promise<string>[] = []
  for (const arch of arches)
    for (const folder of folders.filter(f => f.kept))
      for (const { name, sources } of programs(folder, arch))
        if (!names || names.includes(name))
          for (const on of [false, true]) {
            const t = { arch, linux: true, asan: on }
            work.push(builder.linux(name, closure(sources, t), t))
          }
  await Promise.all(work)
  return join(dist, 'linux')
}

/** A Linux program of tests, of one C file. */
export async function buildTest(file: string, arch: Arch, asan: boolean): Promise<string> {
  const t = { arch, linux: true, asan }
  return new Builder(dist).linux(basename(file, '.c'), closure([file], t), t)
}

/** Plan 9 programs, in `dir`/plan9/$objtype. Returns the names of those that are kept in the tree. */
export async function buildPlan9(names?: string[], dir = dist): Promise<string[]> {
  const builder = new Builder(dir)
  const work: Promise<string>[] = []
  const kept = new Set<string>()
  for (const arch of arches)
    for (const folder of folders)
      for (const { name, sources, test } of programs(folder, arch)) {
        if (names && !names.includes(name)) continue
        if (folder.kept && !test) kept.add(name)
        work.push(builder.plan9(name, closure(sources, { arch, linux: false, asan: false }), arch))
      }
  await Promise.all(work)
  return [...kept]
}

/** Programs of a 386 without SSE, for Linux and for Plan 9: /linux/386 and /plan9/386 of the folder that it returns. */
export async function buildX87(names: string[]): Promise<string> {
  const dir = join(dist, 'x87')
  const builder = new Builder(dir, { ...machine, '386': x87 })
  const plan9 = { arch: '386' as const, linux: false, asan: false }
  const linux = { ...plan9, linux: true }
  const work = folders
    .flatMap(f => programs(f, '386'))
    .filter(({ name }) => names.includes(name))
    .flatMap(({ name, sources }) => [
      builder.linux(name, closure(sources, linux), linux),
      builder.plan9(name, closure(sources, plan9), '386'),
    ])
  await Promise.all(work)
  return dir
}

/** Where a Plan 9 program was built, and where it is kept. */
export const built = (name: string, arch: Arch, dir = dist): string => join(dir, 'plan9', arch, name)
export const kept = (name: string, arch: Arch): string => join(root, arch, 'bin', name)

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const only = process.argv[2]
  await buildLinux()
  if (only !== 'linux') {
    for (const name of await buildPlan9())
      for (const arch of arches) {
        mkdirSync(dirname(kept(name, arch)), { recursive: true })
        copyFileSync(built(name, arch), kept(name, arch))
        chmodSync(kept(name, arch), 0o755)
      }
    writeFileSync(compilerFile, await compiler())
  }
}
