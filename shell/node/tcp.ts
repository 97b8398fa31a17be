import { connect, createServer, type Socket } from 'node:net'
import { forwarded } from '../../emulator/qemu/state.ts'
import { type ByteStream, streamTransport } from '../../plan9/9p/framer.ts'
import type { Transport } from '../../plan9/9p/transport.ts'
import { PlanError } from '../../plan9/error.ts'
import { parseaddr } from '../../plan9/libc/netaddr.ts'

function reason(err: NodeJS.ErrnoException): string {
  if (err.code === 'ECONNREFUSED') return 'connection refused'
  if (err.code === 'ENOTFOUND' || err.code === 'EAI_AGAIN') return "can't translate address"
  if (err.code === 'EADDRINUSE') return 'address in use'
  if (err.code === 'ETIMEDOUT') return 'connection timed out'
  return err.message
}

/** A socket as a stream of bytes. A socket that breaks is one that has ended. */
export function socketStream(socket: Socket): ByteStream {
  socket.setNoDelay(true)
  const chunks = socket[Symbol.asyncIterator]()
  socket.on('error', () => socket.destroy())
  return {
    async read() {
      const next = await chunks.next().catch(() => ({ done: true as const, value: undefined }))
      return next.done ? new Uint8Array(0) : new Uint8Array(next.value as Buffer)
    },
    write: data =>
      new Promise((resolve, reject) =>
        socket.write(data, err => (err ? reject(new PlanError(reason(err))) : resolve())),
      ),
    close: () => void socket.destroySoon(),
  }
}

/** Connects to an address, whose host may be a vm by its name. @throws PlanError */
export function dialStream(addr: string): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const { host, port } = parseaddr(addr)
    const socket = connect(forwarded(host, port, addr) ?? { host, port })
    socket.once('error', err => reject(new PlanError(`${reason(err)}: ${addr}`)))
    socket.once('connect', () => resolve(socketStream(socket)))
  })
}

/** Connects to a 9P server. @throws PlanError */
export async function dial(addr: string): Promise<Transport> {
  return streamTransport(await dialStream(addr))
}

/** Listens for 9P clients. `port` is the one chosen where the address has 0. @throws PlanError */
export function announce(addr: string, accept: (t: Transport) => void): Promise<{ port: number; close(): void }> {
  const { host, port } = parseaddr(addr)
  const server = createServer(socket => accept(streamTransport(socketStream(socket))))
  return new Promise((resolve, reject) => {
    server.once('error', err => reject(new PlanError(`announce ${addr}: ${reason(err)}`)))
    // What goes wrong later is one connection's affair.
    server.on('error', () => {})
    server.listen(port, host === '*' ? undefined : host, () => {
      const at = server.address()
      resolve({ port: typeof at === 'object' && at ? at.port : port, close: () => void server.close() })
    })
  })
}
