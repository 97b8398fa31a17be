import { convM2S } from '../9p/fcall.ts'
import { fcallfmt } from '../9p/fmt.ts'
import type { Transport } from '../9p/transport.ts'
import type { Sys } from '../kernel/sys.ts'
import { eprint } from './sysfatal.ts'

/** A transport that prints what passes through it on standard error, as lib9p's chatty9p does. */
export function chatty(sys: Sys, t: Transport): Transport {
  const print = (dir: string, m: Uint8Array) => void eprint(sys, `${dir} ${fcallfmt(convM2S(m))}\n`)
  return {
    send: m => {
      print('->', m)
      return t.send(m)
    },
    start: (onmessage, onclose) =>
      t.start(m => {
        print('<-', m)
        return onmessage(m)
      }, onclose),
    close: err => t.close(err),
  }
}
