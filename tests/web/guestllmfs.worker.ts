import { type GuestFiles, guestLlmfs } from '../guest/guestllmfs.ts'

/** A kernel in the browser, with llmfs in v86 beside it: its 9P goes to and from the page. A string is for the slow file. */

async function start(): Promise<void> {
  const names: (keyof GuestFiles)[] = ['stories', 'q80', 'tokenizer', 'llmfs']
  const all = await Promise.all(names.map(async n => new Uint8Array(await (await fetch(`/${n}.bin`)).arrayBuffer())))
  const files = Object.fromEntries(names.map((n, i) => [n, all[i]!])) as unknown as GuestFiles
  const guest = await guestLlmfs(files, () => {
    const worker = new Worker(new URL('../../web/cpu.worker.ts', import.meta.url), { type: 'module' })
    return {
      postMessage: downs => worker.postMessage(downs),
      onmessage: f => {
        worker.onmessage = ev => f(ev.data)
      },
      failed: new Promise(resolve => {
        worker.onerror = ev => resolve(ev.message || 'its worker could not be loaded')
      }),
      terminate: () => worker.terminate(),
    }
  })
  guest.transport.start(
    msg => postMessage(msg),
    () => {},
  )
  addEventListener('message', ({ data }: MessageEvent<Uint8Array | string>) => {
    if (typeof data === 'string') guest.go()
    else void guest.transport.send(data)
  })
  postMessage('ready')
}

start().catch((e: unknown) => postMessage(`error: ${String(e)}`))
