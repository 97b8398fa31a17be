import { readFileSync } from 'node:fs'
import process from 'node:process'
import { serialLine } from '../../emulator/qemu/line.ts'
import { type Forward, type Machine, machines, services } from '../../emulator/qemu/qemu.ts'
import { folder, NAME } from '../../emulator/qemu/state.ts'
import { list, prepare, type Status, save, start, status, stop, type Wanted } from '../../emulator/qemu/vm.ts'
import { errstr, PlanError } from '../../plan9/error.ts'

/** `9ml vm`: the PC under QEMU. */

const usage = `usage: 9ml vm start [-qs] [-n name] [-m MB] [--machine 386|amd64] [--image file] [--disk file] [--port name=port] ...
              [--kernel file [--initrd file] [--append text]] [--nic model] [--accel kvm|tcg] [--screen]
       9ml vm start [-n name] --load file [--port name=port] ... [--accel kvm|tcg] [--screen]
       9ml vm save [-n name] file
       9ml vm stop [name]
       9ml vm console [name]
       9ml vm status [name]
`

class Usage extends Error {}

const say = (s: string) => process.stdout.write(`${s}\n`)
const complain = (s: string) => process.stderr.write(`9ml vm: ${s}\n`)

/** name=port, where the name is a service's, or a port of the guest's. @throws PlanError */
function port(s: string): Forward {
  const [, name, to] = /^([^=]+)=(\d+)$/.exec(s) ?? []
  const service = services.find(p => p.name.toLowerCase() === name?.toLowerCase())
  const guest = service?.guest ?? (/^\d+$/.test(name ?? '') ? Number(name) : 0)
  const host = Number(to)
  if (!name || !(guest > 0 && guest < 65536 && host < 65536)) throw new PlanError(`bad port: ${s}`)
  return { name: service?.name ?? name, guest, host }
}

function oneOf<T extends string>(what: string, all: readonly T[], s: string): T {
  const found = all.find(x => x === s)
  if (!found) throw new PlanError(`bad ${what}: ${s}`)
  return found
}

function wanted(args: string[]): Wanted & { quick: boolean } {
  const w: Wanted & { quick: boolean } = {
    name: NAME,
    ports: [],
    nic: 'e1000',
    snapshot: false,
    screen: false,
    quick: false,
  }
  for (let i = 0; i < args.length; i++) {
    const [flag, inline] = /^(--[^=]+)=(.*)$/s.exec(args[i]!)?.slice(1) ?? [args[i]!]
    const value = () => {
      const v = inline ?? args[++i]
      if (v === undefined) throw new Usage()
      return v
    }
    if (flag === '-q') w.quick = true
    else if (flag === '-s') w.snapshot = true
    else if (flag === '-qs' || flag === '-sq') w.quick = w.snapshot = true
    else if (flag === '--screen') w.screen = true
    else if (flag === '-n') w.name = value()
    else if (flag === '-m') {
      const v = value()
      if (!/^\d+$/.test(v) || Number(v) < 1) throw new PlanError(`bad memory: ${v}`)
      w.memory = Number(v)
    } else if (flag === '--machine') w.machine = oneOf<Machine>('machine', machines, value())
    else if (flag === '--accel') w.accel = oneOf<'kvm' | 'tcg'>('accel', ['kvm', 'tcg'], value())
    else if (flag === '--port') w.ports.push(port(value()))
    else if (flag === '--nic') w.nic = value()
    else if (['--image', '--disk', '--kernel', '--initrd', '--append', '--load'].includes(flag!))
      w[flag!.slice(2) as 'image' | 'disk' | 'kernel' | 'initrd' | 'append' | 'load'] = value()
    else throw new Usage()
  }
  if (!/^[\w-]+$/.test(w.nic)) throw new PlanError(`bad nic: ${w.nic}`)
  return w
}

/** Days, hours, minutes and seconds since then. */
function since(then: number): string {
  const s = Math.max(0, Math.floor((Date.now() - then) / 1000))
  const two = (n: number) => `${Math.floor(n)}`.padStart(2, '0')
  const days = s >= 86_400 ? `${Math.floor(s / 86_400)} days ` : ''
  return `${days}${two((s / 3600) % 24)}:${two((s / 60) % 60)}:${two(s % 60)}`
}

function describe(s: Status): string[] {
  const { known: k } = s
  const running = s.pid !== undefined && s.state !== 'dead'
  const first = [s.name, s.state]
  if (running) first.push(`pid ${s.pid}`)
  if (k) first.push(k.machine, `${k.memory} MB`)
  if (s.accel) first.push(s.accel)
  if (running && k) first.push(`up ${since(k.started)}`)
  if (!running || !k) return [first.join(', ')]
  return [
    first.join(', '),
    ...k.ports.map(p => `\t${p.name === String(p.guest) ? 'port' : p.name} tcp!127.0.0.1!${p.host} is its ${p.guest}`),
    ...k.ports
      .filter(p => p.guest === 564)
      .map(p => `\tin rc: srv tcp!127.0.0.1!${p.host} ${s.name} /n/${s.name}, or 9fs ${s.name}`),
  ]
}

async function doStart(args: string[]): Promise<number> {
  const w = wanted(args)
  const s = await start(w)
  say(describe(s).join('\n'))
  if (w.quick || w.load !== undefined || w.kernel !== undefined || w.screen) return 0
  const stopped = new AbortController()
  process.once('SIGINT', () => stopped.abort())
  say(`waiting for its prompt; 9ml vm console ${s.name} shows what it says`)
  try {
    await prepare(s.name, say, stopped.signal)
  } catch (e) {
    complain(`${errstr(e)}; ${s.name} goes on: 9ml vm console ${s.name}`)
    return 1
  }
  say('its files are ready')
  return 0
}

/** ^] leaves. */
const LEAVE = 0x1d

async function attach(name: string): Promise<number> {
  const s = await status(name)
  if (s.state === 'dead') throw new PlanError(`${name} is dead`)
  const f = folder(name)
  const line = await serialLine(f)
  const { stdin, stdout } = process
  const raw = stdin.isTTY
  // The line that is there already: a prompt, as a rule.
  stdout.write(readFileSync(f.log, 'latin1').split('\n').at(-1)!)
  if (raw) {
    process.stderr.write(`\r\n[${name}: control-] leaves]\r\n`)
    stdin.setRawMode(true)
  }
  const stopped = new AbortController()
  const leave = () => stopped.abort()
  stdin.on('data', (b: Buffer) => {
    const at = raw ? b.indexOf(LEAVE) : -1
    void line.write(new Uint8Array(at < 0 ? b : b.subarray(0, at))).then(() => at >= 0 && leave())
  })
  stdin.on('error', leave)
  process.on('SIGTERM', leave)
  process.on('SIGHUP', leave)
  try {
    for (;;) {
      const b = await line.read(stopped.signal).catch(() => undefined)
      if (b === undefined) return 0
      if (b.length === 0) {
        complain(`${name} has ended`)
        return 0
      }
      await new Promise<void>(resolve => stdout.write(b, () => resolve()))
    }
  } finally {
    line.close()
    if (raw) stdin.setRawMode(false)
  }
}

/** The name that a command is about. */
function one(args: string[]): string {
  if (args.length > 1 || args[0]?.startsWith('-')) throw new Usage()
  return args[0] ?? NAME
}

export async function main(args: string[]): Promise<number> {
  const [verb, ...rest] = args
  try {
    if (verb === 'start') return await doStart(rest)
    if (verb === 'save') {
      const [n, name] = rest[0] === '-n' ? rest : []
      const files = n ? rest.slice(2) : rest
      if (files.length !== 1 || files[0]!.startsWith('-') || (n && name === undefined)) throw new Usage()
      await save(name ?? NAME, files[0]!)
      return 0
    }
    if (verb === 'stop') {
      await stop(one(rest), complain)
      return 0
    }
    if (verb === 'console') return await attach(one(rest))
    if (verb === 'status') {
      const all = rest.length > 0 ? [await status(one(rest))] : await list()
      for (const s of all) say(describe(s).join('\n'))
      return 0
    }
    throw new Usage()
  } catch (e) {
    if (e instanceof Usage) process.stderr.write(usage)
    else if (e instanceof PlanError) complain(e.message)
    else throw e
    return 1
  }
}
