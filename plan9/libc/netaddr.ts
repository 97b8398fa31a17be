import { PlanError } from '../error.ts'

/** The services of /lib/ndb that are called here. */
const services: Record<string, number> = {
  '9fs': 564,
  exportfs: 17007,
  rexexec: 17009,
  rcpu: 17019,
  t9fs: 17020,
  telnet: 23,
}

export interface Addr {
  /** `*` is every address of the machine. */
  host: string
  port: number
}

/**
 * A dial string, tcp!host!service or net!host!service; the service is a name or a port, by default 9fs. host:port is
 * understood too, for it is what people type.
 *
 * @throws PlanError
 */
export function parseaddr(addr: string): Addr {
  const [net, name, service = '9fs', ...rest] = /^[^!:]+:\d+$/.test(addr) ? ['tcp', addr] : addr.split('!')
  const colon = /^([^:]+):(\d+)$/.exec(name ?? '')
  const host = colon ? colon[1] : name
  const at = colon?.[2] ?? service
  const port = services[at] ?? (/^\d+$/.test(at) ? Number(at) : Number.NaN)
  if ((net !== 'tcp' && net !== 'net') || !host || rest.length > 0 || !(port >= 0 && port < 65536))
    throw new PlanError(`bad address: ${addr}`)
  return { host, port }
}
