import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { PlanError } from '../../plan9/error.ts'

/** The PC under QEMU: its parts, and the command line that makes it of them. */

export type Machine = '386' | 'amd64'
export const machines: readonly Machine[] = ['386', 'amd64']

/** A TCP port of the guest's and the one of 127.0.0.1 that leads to it. */
export interface Forward {
  name: string
  guest: number
  host: number
}

export interface Config {
  machine: Machine
  /** MB. */
  memory: number
  /** What it boots from, and how it is read. */
  image?: Drive
  /** A second one, which is shared with it. */
  disk?: Drive
  /** Writes to the image go with the vm. */
  snapshot: boolean
  /** The kernel is the image's own. */
  own: boolean
  /** Loaded without a BIOS's help: a multiboot kernel's initrd is its plan9.ini. */
  kernel?: string
  initrd?: string
  append?: string
  ports: Forward[]
  nic: string
  accel: 'kvm' | 'tcg'
  screen: boolean
}

export interface Drive {
  file: string
  format: 'iso' | 'raw' | 'qcow2'
}

/** Where QEMU finds its sockets, and leaves what the serial line said. */
export interface Places {
  qmp: string
  serial: string
  log: string
}

/** What a 9front of each machine is given. Less leaves no room for a model of 60 MB. */
export const profiles: Record<Machine, { program: string; memory: number }> = {
  386: { program: 'qemu-system-i386', memory: 256 },
  amd64: { program: 'qemu-system-x86_64', memory: 512 },
}

/** Ports that 9front serves, by the names that `--port` knows, and where they are on the host. Those below 1024 are root's. */
export const services: readonly Forward[] = [
  { name: '9P', guest: 564, host: 9564 },
  { name: 'rcpu', guest: 17019, host: 17019 },
  { name: 'auth', guest: 567, host: 9567 },
]

/** A comma would begin another property. */
const value = (s: string) => s.replaceAll(',', ',,')

/** The disks in the order of their units, by 9front's names. */
export function drives(c: Config): { unit: string; drive: Drive }[] {
  const cd = c.image?.format === 'iso'
  const units: { unit: string; drive: Drive }[] = []
  if (c.image && !cd) units.push({ unit: 'sdC0', drive: c.image })
  if (c.disk) units.push({ unit: 'sdC1', drive: c.disk })
  if (c.image && cd) units.push({ unit: 'sdD0', drive: c.image })
  return units
}

const index: Record<string, number> = { sdC0: 0, sdC1: 1, sdD0: 2 }

function drive(c: Config, unit: string, d: Drive): string {
  const media = d.format === 'iso' ? 'format=raw,media=cdrom,readonly=on' : `format=${d.format},media=disk`
  const writes = d === c.image && d.format !== 'iso' && c.snapshot ? ',snapshot=on' : ''
  return `file=${value(d.file)},if=ide,index=${index[unit]},${media}${writes}`
}

/** The arguments of QEMU. */
export function commandLine(c: Config, at: Places): string[] {
  const forwards = c.ports.map(p => `,hostfwd=tcp:127.0.0.1:${p.host}-:${p.guest}`)
  return [
    '-nodefaults',
    ...['-machine', 'pc', '-m', `${c.memory}M`, '-rtc', 'base=utc'],
    // Where the first cannot, QEMU takes the second.
    ...(c.accel === 'kvm' ? ['-accel', 'kvm', '-accel', 'tcg'] : ['-accel', 'tcg']),
    ...['-vga', 'std', '-display', c.screen ? (process.platform === 'darwin' ? 'cocoa' : 'gtk') : 'none'],
    ...['-chardev', `socket,id=serial,path=${value(at.serial)},server=on,wait=off,logfile=${value(at.log)}`],
    ...['-serial', 'chardev:serial'],
    ...['-chardev', `socket,id=qmp,path=${value(at.qmp)},server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
    ...['-nic', `user,model=${c.nic}${forwards.join('')}`],
    ...drives(c).flatMap(({ unit, drive: d }) => ['-drive', drive(c, unit, d)]),
    ...(c.kernel === undefined ? ['-boot', c.image?.format === 'iso' ? 'd' : 'c'] : ['-kernel', c.kernel]),
    // In a multiboot kernel's list of modules a comma begins the next.
    ...(c.initrd === undefined ? [] : ['-initrd', c.initrd]),
    ...(c.append === undefined ? [] : ['-append', c.append]),
  ]
}

/** The processor's own virtual machines are there and may be used. */
export function kvmUsable(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Where a program is. @throws PlanError there is none, and how to install it */
export function qemu(machine: Machine): string {
  const { program } = profiles[machine]
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, program)
    if (dir !== '' && existsSync(path)) return path
  }
  throw new PlanError(
    `no ${program}: ${process.platform === 'darwin' ? 'brew install qemu' : 'apt-get install qemu-system-x86'} installs it`,
  )
}
