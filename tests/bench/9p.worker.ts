import { createServer, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { serve } from '../../plan9/9p/server.ts'
import { portTransport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { announce } from '../../shell/node/tcp.ts'

/**
 * The server's end: the same files on a MessagePort and on a port of TCP, and for comparison what answers the same bytes
 * without 9P: on a port a buffer comes back as it went; on a socket each 4 bytes ask for as many bytes as they say.
 */
const { port, echo, size } = workerData as { port: MessagePort; echo: MessagePort; size: number }
const tree = new Tree('glenda')
tree.add('/file', new Uint8Array(size), 0o666)
const srv = ramfs(tree)
serve(portTransport(port), srv)
echo.onmessage = ({ data }: { data: ArrayBuffer }) => echo.postMessage(data, [data])

const piece = Buffer.alloc(65536)
const bare = createServer((socket: Socket) => {
  socket.setNoDelay(true)
  socket.on('data', asked => {
    for (let at = 0; at + 4 <= asked.length; at += 4)
      for (let left = asked.readUInt32LE(at); left > 0; left -= piece.length) socket.write(piece.subarray(0, left))
  })
}).listen(0, '127.0.0.1', async () => {
  const { port: tcp } = await announce('tcp!127.0.0.1!0', t => serve(t, srv))
  const at = bare.address()
  parentPort!.postMessage({ tcp, bare: typeof at === 'object' && at ? at.port : 0 })
})
