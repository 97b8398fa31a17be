/// <reference lib="webworker" />
import { serve } from '../../plan9/9p/server.ts'
import { portTransport } from '../../plan9/9p/transport.ts'
import { opfs, Store } from '../../web/opfs.ts'

/** Serves the OPFS directory of a name on a port, for opfs.test.ts. */
addEventListener('message', async ({ data: { name, port } }: MessageEvent<{ name: string; port: MessagePort }>) => {
  const top = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })
  const store = await Store.open(top, 'glenda')
  serve(portTransport(port), opfs(store))
  postMessage('ready')
})
