import type { Transport } from '../../plan9/9p/transport.ts'
import { PlanError } from '../../plan9/error.ts'

/**
 * The way out of the system for srv(4) and 9p(1), until there is a /net: a function of the host that connects to a
 * 9P server elsewhere. A page or a program that can dial installs it before it starts the kernel.
 */
export type Dial = (addr: string) => Promise<Transport>

let host: Dial = addr => Promise.reject(new PlanError(`no network to dial ${addr} on`))

export function setDial(dial: Dial): void {
  host = dial
}

/** Connects to an address of dial(2), as `netmkaddr` makes them. @throws PlanError */
export function dial(addr: string): Promise<Transport> {
  return host(addr)
}

/** dial(2)'s netmkaddr: a full address from one that may lack its network or its service. */
export function netmkaddr(addr: string, net = 'net', service = '9fs'): string {
  const f = addr.split('!')
  if (f.length === 1) return `${net}!${addr}!${service}`
  return f.length === 2 ? `${addr}!${service}` : addr
}
