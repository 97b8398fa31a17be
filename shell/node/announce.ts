import { createServer } from 'node:net'
import type { Announce } from '../../llmfs/host.ts'
import { streamTransport } from '../../plan9/9p/framer.ts'
import { PlanError } from '../../plan9/error.ts'

const services: Record<string, number> = { '9fs': 564, exportfs: 17007, rexexec: 17009 }

/** Listens on `tcp!host!port`; the host `*` is every address of the machine: `setAnnounce(announceTcp)`. */
export const announceTcp: Announce = (addr, accept) => {
  const [net, host, service, ...rest] = addr.split('!')
  const port = service === undefined ? Number.NaN : (services[service] ?? Number(service))
  if ((net !== 'tcp' && net !== 'net') || !host || rest.length > 0 || !(port >= 0 && port < 65536))
    return Promise.reject(new PlanError(`bad address: ${addr}`))
  const server = createServer({ noDelay: true }, socket => {
    const chunks = socket[Symbol.asyncIterator]()
    socket.on('error', () => socket.destroy())
    accept(
      streamTransport({
        async read() {
          const { value, done } = await chunks.next()
          return done ? new Uint8Array(0) : new Uint8Array(value as Buffer)
        },
        write: b => new Promise((resolve, reject) => socket.write(b, e => (e ? reject(e) : resolve()))),
        close: () => void socket.destroy(),
      }),
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', e => reject(new PlanError(`announce ${addr}: ${e.message}`)))
    server.listen(port, host === '*' ? undefined : host, () => resolve({ close: () => void server.close() }))
  })
}
