import type { ByteStream } from '../../plan9/9p/framer.ts'
import { Eintr, PlanError } from '../../plan9/error.ts'
import { RFFDG, RFNAMEG, RFNOTEG, RFNOWAIT, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { hosts } from '../../plan9/libc/hosts.ts'
import { parseaddr } from '../../plan9/libc/netaddr.ts'
import { relay } from '../../plan9/libc/relay.ts'
import { attempt } from '../../plan9/libc/sysfatal.ts'

/**
 * The way out of the system for srv(4), import(4), con(1) and 9p(1), until there is a /net: a function of the host that
 * calls an address elsewhere. A page or a program that can dial installs it before it starts the kernel.
 */
export type Dial = (addr: string) => Promise<ByteStream>

let host: Dial = addr => Promise.reject(new PlanError(`no network to dial ${addr} on`))

export function setDial(dial: Dial): void {
  host = dial
}

/** The guests come first: their names are theirs as long as they run. */
async function call(addr: string): Promise<ByteStream> {
  const { host: name, port } = parseaddr(addr)
  const guest = hosts.get(name)
  return guest ? guest(port) : host(addr)
}

/** dial(2)'s netmkaddr: a full address from one that may lack its network or its service. */
export function netmkaddr(addr: string, net = 'net', service = '9fs'): string {
  const f = addr.split('!')
  if (f.length === 1) return `${net}!${addr}!${service}`
  return f.length === 2 ? `${addr}!${service}` : addr
}

/** Waits for something outside the kernel; a note ends the wait. @throws PlanError Eintr, when the note's handler took it */
async function outside<T>(sys: Sys, p: Promise<T>): Promise<T> {
  const signal = sys.interrupted()
  const note = new Promise<undefined>(resolve => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  const done = await Promise.race([p.then(value => ({ value })), note])
  if (done !== undefined) return done.value
  p.catch(() => undefined)
  await sys.sleep(0)
  throw new PlanError(Eintr)
}

/**
 * Calls an address, as `netmkaddr` makes them. A process of its own carries what is written to the connection, and read.
 *
 * @returns a descriptor of a pipe to it
 * @throws PlanError
 */
export async function dial(sys: Sys, addr: string): Promise<number> {
  const remote = await outside(sys, call(addr))
  const [mine, theirs] = await sys.pipe()
  await sys.rfork(RFPROC | RFFDG | RFNOTEG | RFNAMEG | RFNOWAIT, async child => {
    for (const fd of [0, 1, 2, mine]) await attempt(child.close(fd))
    await relay(child, theirs, remote)
    return ''
  })
  await sys.close(theirs)
  return mine
}
