import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { PlanError } from '../../plan9/error.ts'
import type { Config, Places } from './qemu.ts'

/** What is known of the vms of this user: a folder for each, that is there from its start to its stop. */

/** The name of one that is not named. */
export const NAME = '9front'

export interface Folder extends Places {
  dir: string
  config: string
  pid: string
  /** What QEMU itself says. */
  errors: string
}

export interface Known extends Config {
  name: string
  /** Milliseconds since the epoch. */
  started: number
}

/** The folder of all folders. */
export function vms(): string {
  const run = process.env['XDG_RUNTIME_DIR']
  if (run) return join(run, '9ml', 'vm')
  return join(process.env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), '9ml', 'vm')
}

/** @throws PlanError a name that no folder has */
export function folder(name: string): Folder {
  if (!/^[A-Za-z0-9][\w.-]{0,31}$/.test(name)) throw new PlanError(`bad vm name: ${name}`)
  const dir = join(vms(), name)
  const at = (file: string) => join(dir, file)
  return {
    dir,
    config: at('config.json'),
    pid: at('pid'),
    errors: at('qemu.log'),
    qmp: at('qmp.sock'),
    serial: at('serial.sock'),
    log: at('serial.log'),
  }
}

/** The names of those that have a folder. */
export function names(): string[] {
  if (!existsSync(vms())) return []
  return readdirSync(vms(), { withFileTypes: true })
    .filter(d => d.isDirectory())
    .map(d => d.name)
    .sort()
}

/** Undefined where its start did not come so far. */
export function known(f: Folder): Known | undefined {
  try {
    return JSON.parse(readFileSync(f.config, 'utf8')) as Known
  } catch {
    return undefined
  }
}

/** Its process, where there is such a process. */
export function living(f: Folder): number | undefined {
  try {
    const pid = Number(readFileSync(f.pid, 'utf8'))
    if (!(pid > 0)) return undefined
    process.kill(pid, 0)
    // One that has ended keeps its number until its parent asks for it.
    const stat = `/proc/${pid}/stat`
    return existsSync(stat) && / Z [^)]*$/.test(readFileSync(stat, 'latin1')) ? undefined : pid
  } catch {
    return undefined
  }
}

/**
 * Where a port of the vm of that name is. Undefined: there is no vm of that name, and it may be a host's. `addr` is how it was called.
 *
 * @throws PlanError connection refused: it does not run, or the port is not forwarded
 */
export function forwarded(host: string, port: number, addr: string): { host: string; port: number } | undefined {
  if (!names().includes(host)) return undefined
  const f = folder(host)
  const to = living(f) && known(f)?.ports.find(p => p.guest === port)
  if (!to) throw new PlanError(`connection refused: ${addr}`)
  return { host: '127.0.0.1', port: to.host }
}
