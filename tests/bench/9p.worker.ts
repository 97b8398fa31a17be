import { parentPort, workerData } from 'node:worker_threads'
import { serve } from '../../plan9/9p/server.ts'
import { portTransport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { announce } from '../../shell/node/tcp.ts'

/** The server's end: the same files on a MessagePort and on a port of TCP, and an echo of buffers for comparison. */
const { port, echo } = workerData as { port: MessagePort; echo: MessagePort }
const tree = new Tree('glenda')
tree.add('/file', new Uint8Array(64 << 20), 0o666)
const srv = ramfs(tree)
serve(portTransport(port), srv)
echo.onmessage = ({ data }: { data: ArrayBuffer }) => echo.postMessage(data, [data])
const { port: tcp } = await announce('tcp!127.0.0.1!0', t => serve(t, srv))
parentPort!.postMessage(tcp)
