import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { errstr, PlanError } from '../../plan9/error.ts'
import { Dialogue } from '../pc/dialogue.ts'
import { boot, type Profile, setup } from '../pc/profile.ts'
import { driveOf, kernelOf, profileOf } from './front.ts'
import { LoggedLine } from './line.ts'
import { type Config, commandLine, type Forward, kvmUsable, profiles, qemu, services } from './qemu.ts'
import { Qmp } from './qmp.ts'
import { channel, head, keep, restore } from './saved.ts'
import { type Folder, folder, type Known, known, living, names, vms } from './state.ts'

/** A vm's start and end. */

/** Milliseconds: until QEMU answers, until KVM has shown what it can, until QEMU ends, until 9front has halted. */
const START = 30_000
const TRIAL = 1000
const QUIT = 10_000
const HALT = 30_000
const TICK = 50
/** Bytes of a socket's path that every system takes. */
const MAXPATH = 103

const sleep = (ms: number) => new Promise(wake => setTimeout(wake, ms))

export interface Wanted extends Partial<Pick<Config, 'machine' | 'memory' | 'kernel' | 'initrd' | 'append' | 'accel'>> {
  name: string
  image?: string
  disk?: string
  snapshot: boolean
  /** Those that are asked for: what else 9front serves is forwarded too, where it can be. */
  ports: Forward[]
  nic: string
  screen: boolean
  /** A vm in a file, which goes on: its parts are its own, but for its ports and how it is run. */
  load?: string
}

/** A port of 127.0.0.1 that is free now; 0 is any. @throws PlanError */
function free(port: number): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer()
    server.on('error', (e: NodeJS.ErrnoException) =>
      failed(new PlanError(e.code === 'EADDRINUSE' ? `port in use: ${port}` : `port ${port}: ${errstr(e)}`)),
    )
    server.listen(port, '127.0.0.1', () => {
      const at = server.address()
      server.close(() => found(typeof at === 'object' && at ? at.port : port))
    })
  })
}

async function forwards(wanted: Forward[]): Promise<Forward[]> {
  const all: Forward[] = []
  for (const p of wanted) all.push({ ...p, host: await free(p.host) })
  for (const p of services) {
    if (all.some(a => a.guest === p.guest)) continue
    const host = await free(p.host).catch(() => free(0))
    all.push({ ...p, host })
  }
  const twice = all.find((p, i) => all.some((q, k) => k < i && q.host === p.host))
  if (twice) throw new PlanError(`port in use: ${twice.host}`)
  return all
}

export interface Status {
  name: string
  /** dead: its process is no more. The others are QEMU's words: running, paused, ... */
  state: string
  pid: number | undefined
  known: Known | undefined
  accel: 'kvm' | 'tcg' | undefined
}

/** It was made so lately that a start may be under way. */
const young = (file: string) => Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < START

/** How a vm is. @throws PlanError no such vm */
export async function status(name: string): Promise<Status> {
  const f = folder(name)
  if (!existsSync(f.dir)) throw new PlanError(`no such vm: ${name}`)
  const s: Status = { name, state: 'dead', pid: living(f), known: known(f), accel: undefined }
  if (s.pid === undefined) return !existsSync(f.pid) && young(f.dir) ? { ...s, state: 'starting' } : s
  let qmp: Qmp | undefined
  try {
    qmp = await Qmp.open(f.qmp)
    if (!qmp) {
      // It is there before its socket is; later the number may be another's.
      return young(f.pid) ? { ...s, state: 'starting' } : { ...s, pid: undefined }
    }
    const { status: state } = (await qmp.execute('query-status')) as { status: string }
    const { enabled } = (await qmp.execute('query-kvm')) as { enabled: boolean }
    return { ...s, state, accel: enabled ? 'kvm' : 'tcg' }
  } catch {
    return living(f) === undefined ? { ...s, pid: undefined } : { ...s, state: 'not answering' }
  } finally {
    qmp?.close()
  }
}

/** Whoever reads it sees the whole of it. */
function writePid(f: Folder, pid: number): void {
  writeFileSync(`${f.pid}.new`, `${pid}\n`)
  renameSync(`${f.pid}.new`, f.pid)
}

/** Makes the vm's folder; that of a dead one goes. @throws PlanError already running */
async function claim(f: Folder, name: string): Promise<void> {
  mkdirSync(vms(), { recursive: true, mode: 0o700 })
  for (;;) {
    try {
      mkdirSync(f.dir, { mode: 0o700 })
      writePid(f, process.pid)
      return
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e
    }
    const { state, pid } = await status(name)
    if (state !== 'dead') throw new PlanError(`already running: ${name}${pid === undefined ? '' : `, pid ${pid}`}`)
    rmSync(f.dir, { recursive: true, force: true })
  }
}

/** The parts of one that is asked for. @throws PlanError */
async function assemble(w: Wanted): Promise<Omit<Config, 'ports' | 'accel' | 'screen'>> {
  if (w.image === undefined && w.kernel === undefined) throw new PlanError('no image')
  const image = w.image === undefined ? undefined : await driveOf(resolve(w.image))
  const disk = w.disk === undefined ? undefined : await driveOf(resolve(w.disk))
  for (const [what, file] of Object.entries({ kernel: w.kernel, initrd: w.initrd }))
    if (file !== undefined && !existsSync(file)) throw new PlanError(`${what} does not exist: ${file}`)
  const own = image?.format === 'iso' && w.kernel === undefined && !w.screen
  const machine = own ? (await kernelOf(image.file, w.machine)).profile.machine : (w.machine ?? '386')
  return {
    machine,
    memory: w.memory ?? profiles[machine].memory,
    ...(image && { image }),
    ...(disk && { disk }),
    snapshot: w.snapshot,
    own,
    ...(w.kernel !== undefined && { kernel: resolve(w.kernel) }),
    ...(w.initrd !== undefined && { initrd: resolve(w.initrd) }),
    ...(w.append !== undefined && { append: w.append }),
    nic: w.nic,
  }
}

/** Starts QEMU, which stays when this process ends. @throws PlanError */
export async function start(w: Wanted): Promise<Status> {
  const f = folder(w.name)
  if (Buffer.byteLength(f.serial) > MAXPATH) throw new PlanError(`name too long: ${f.serial}`)
  const saved = w.load === undefined ? undefined : { file: resolve(w.load), ...(await head(w.load)) }
  const parts = saved ? saved.vm : await assemble(w)
  const from = parts.image
  const own = parts.own && from ? await kernelOf(from.file, parts.machine) : undefined
  const program = qemu(parts.machine)
  await claim(f, w.name)
  try {
    const config: Config = {
      ...parts,
      ports: await forwards(w.ports),
      accel: w.accel ?? (saved ? saved.vm.accel : kvmUsable() ? 'kvm' : 'tcg'),
      screen: w.screen,
    }
    if (own) {
      config.kernel = join(f.dir, 'kernel')
      config.initrd = join(f.dir, 'plan9.ini')
      writeFileSync(config.kernel, own.kernel)
      writeFileSync(config.initrd, own.profile.ini!)
    }
    const run = async () => {
      const all: Known = { ...config, name: w.name, started: Date.now() }
      writeFileSync(f.config, `${JSON.stringify(all, undefined, 2)}\n`)
      const incoming = saved ? ['-incoming', `unix:${channel(f)}`] : []
      const qmp = await launch(f, program, [...commandLine(config, f), ...incoming])
      try {
        if (saved) await restore(f, qmp, saved.file, saved.at)
      } catch (e) {
        throw new PlanError(complaint(f) || errstr(e))
      } finally {
        qmp.close()
      }
      return status(w.name)
    }
    const first = await run()
    if (first.accel === 'kvm' ? await works(f) : w.accel !== 'kvm') return first
    await quit(f, first.pid!)
    if (w.accel === 'kvm') throw new PlanError('kvm does not work here')
    config.accel = 'tcg'
    return await run()
  } catch (e) {
    const pid = living(f)
    if (pid !== undefined && pid !== process.pid) process.kill(pid, 'SIGKILL')
    rmSync(f.dir, { recursive: true, force: true })
    throw e
  }
}

/** Whether the BIOS's first instructions could be run: a /dev/kvm that opens may not be able to. */
async function works(f: Folder): Promise<boolean> {
  for (const end = Date.now() + TRIAL; Date.now() < end; await sleep(TICK)) {
    const qmp = await Qmp.open(f.qmp)
    const s = (await qmp?.execute('query-status')) as { status: string } | undefined
    qmp?.close()
    if (s?.status !== 'running') return false
  }
  return true
}

/** Has QEMU end. False: it had to be killed. @throws PlanError it is there still */
async function quit(f: Folder, pid: number): Promise<boolean> {
  const ended = async () => {
    for (const end = Date.now() + QUIT; Date.now() < end; await sleep(TICK)) if (living(f) === undefined) return true
    return false
  }
  let qmp: Qmp | undefined
  try {
    qmp = await Qmp.open(f.qmp)
    await qmp?.execute('quit')
    if (await ended()) return true
  } catch {
    // It may have ended before it answered.
    if (living(f) === undefined) return true
  } finally {
    qmp?.close()
  }
  process.kill(pid, 'SIGKILL')
  if (!(await ended())) throw new PlanError(`process ${pid} does not end`)
  return false
}

/** The last that QEMU said on its standard error. */
const complaint = (f: Folder) => readFileSync(f.errors, 'utf8').trim().split('\n').at(-1)!

async function launch(f: Folder, program: string, args: string[]): Promise<Qmp> {
  const errors = openSync(f.errors, 'w')
  const child = spawn(program, args, { detached: true, stdio: ['ignore', errors, errors], cwd: '/' })
  closeSync(errors)
  let over: string | undefined
  child.on('error', e => {
    over = e.message
  })
  child.on('exit', code => {
    over = `status ${code}`
  })
  child.unref()
  if (child.pid !== undefined) writePid(f, child.pid)
  for (const end = Date.now() + START; ; await sleep(TICK)) {
    if (over !== undefined) throw new PlanError(`qemu: ${complaint(f) || over}`)
    // One that ends meanwhile is told of above.
    const qmp = await Qmp.open(f.qmp).catch(() => undefined)
    if (qmp) return qmp
    if (Date.now() > end) throw new PlanError('qemu does not answer')
  }
}

/** Keeps a vm in a file, and ends it. @throws PlanError it goes on */
export async function save(name: string, file: string): Promise<void> {
  const f = folder(name)
  const { state, pid, known: vm } = await status(name)
  if (!vm || pid === undefined || (state !== 'running' && state !== 'paused'))
    throw new PlanError(`${name} is ${state}`)
  if (vm.snapshot && vm.image?.format !== 'iso')
    throw new PlanError(`${name} was started with -s: what it has written would be lost`)
  const qmp = await Qmp.open(f.qmp)
  if (!qmp) throw new PlanError(`${name} is dead`)
  try {
    await qmp.execute('stop')
    await keep(f, vm, qmp, resolve(file))
  } catch (e) {
    if (state === 'running') await qmp.execute('cont').catch(() => {})
    throw e
  } finally {
    qmp.close()
  }
  await quit(f, pid)
  rmSync(f.dir, { recursive: true, force: true })
}

/** At a 9front's console, from power on to its network and its files. @throws PlanError */
export async function prepare(name: string, tell: (s: string) => void, signal?: AbortSignal): Promise<void> {
  const f = folder(name)
  const profile = profileOf(known(f)?.kernel !== undefined)
  await talk(new LoggedLine(f), profile, tell, async d => {
    await boot(profile, d, signal)
    await setup(profile, d, signal)
  })
}

async function talk(
  line: LoggedLine,
  { prompt, shell }: Profile,
  log: (s: string) => void,
  f: (d: Dialogue) => Promise<void>,
): Promise<void> {
  const d = new Dialogue(line, { prompt, shell, log })
  try {
    await f(d)
  } finally {
    d.close()
    line.close()
  }
}

/** Has 9front write what it keeps, where its console waits for a command. */
async function halt(f: Folder, tell: (s: string) => void): Promise<void> {
  const text = readFileSync(f.log)
  const profile = profileOf(true)
  const last = text.toString('latin1', text.lastIndexOf('\n') + 1)
  if (profile.prompt.exec(last)?.[0] !== last) return
  await talk(new LoggedLine(f, text.length), profile, tell, async d => {
    await d.type('fshalt\n')
    // Without an fshalt there is the next prompt.
    const expect = new RegExp(`^done halting$|${profile.prompt.source}`, 'm')
    await d.run([{ expect, within: HALT, otherwise: 'fshalt did not end' }])
  })
}

/** Ends a vm, and forgets it. What could not be done in order is told. @throws PlanError no such vm */
export async function stop(name: string, tell: (s: string) => void): Promise<void> {
  const f = folder(name)
  const { state, pid } = await status(name)
  if (state === 'starting') throw new PlanError(`still starting: ${name}`)
  if (pid !== undefined && state !== 'dead') {
    if (state === 'running') await halt(f, tell).catch(e => living(f) !== undefined && tell(errstr(e)))
    if (!(await quit(f, pid))) tell('qemu did not answer: killed')
  }
  rmSync(f.dir, { recursive: true, force: true })
}

/** All there are. */
export async function list(): Promise<Status[]> {
  // One that goes meanwhile is not there.
  const all = await Promise.all(names().map(name => status(name).catch(() => undefined)))
  return all.filter(s => s !== undefined)
}
