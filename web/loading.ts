import { tokenize } from '../plan9/libc/quote.ts'
import { byId } from './dom.ts'

/** How far llmfs is with a model. Bytes, and bytes a second as `MB/s` has them. */
interface Load {
  name: string
  bytes: number
  size: number
  rate: string
}

/** What llmfs's status says of a load under way; undefined when there is none. */
function parse(status: string): Load | undefined {
  const [state, name, bytes, , rate] = tokenize(status)
  const [have, size] = (bytes ?? '').split('/').map(Number)
  if (state !== 'loading' || name === undefined || have === undefined || rate === undefined) return undefined
  return { name, bytes: have, size: size ?? 0, rate }
}

const megabytes = (n: number): string => (n / 1e6).toFixed(n < 1e8 ? 1 : 0)

/** The bar above the status line, and its words, while a model loads. */
export class Loading {
  private readonly box = byId('loading')
  private readonly bar = byId('load-bar')
  private readonly text = byId('load-text')
  private readonly button = byId('load-cancel')

  constructor(cancel: () => void) {
    this.button.addEventListener('click', cancel)
  }

  /** Shows what `status` says. Returns whether a model loads. */
  show(status: string): boolean {
    const load = parse(status)
    this.box.hidden = !load
    if (!load) return false
    const { name, bytes, size, rate } = load
    const done = size > 0 ? Math.floor((100 * bytes) / size) : 0
    const words = size > 0 ? `${megabytes(bytes)} of ${megabytes(size)} MB · ${rate} MB/s` : '…'
    this.bar.style.setProperty('--done', `${done}%`)
    this.bar.setAttribute('aria-valuenow', String(done))
    this.bar.setAttribute('aria-valuetext', words)
    this.box.title = name
    this.text.textContent = `loading ${words} · ${name.replace(/^.*\/(?=[^/?]+(\?|$))|\?.*$/g, '')}`
    return true
  }
}
