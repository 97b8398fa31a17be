import type { IMarker, Terminal } from '@xterm/xterm'
import { h } from './dom.ts'

/** Lines that the transcript keeps. */
const KEEP = 1000

/**
 * The console's text as a document: an element a line, wrapped lines whole, the last one the line being written or typed.
 * It is for screen readers, which read out what is appended, and for whoever looks for text in the page.
 */
export class Transcript {
  private readonly term: Terminal
  private readonly el: HTMLElement
  /** Where the line stands that the last element shows. */
  private at: IMarker | undefined
  private last: HTMLElement
  private scheduled = false

  constructor(term: Terminal, el: HTMLElement) {
    this.term = term
    this.el = el
    this.last = h('div')
    el.append(this.last)
    term.onWriteParsed(() => this.schedule())
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      this.update()
    })
  }

  private update(): void {
    const buffer = this.term.buffer.active
    if (buffer.type === 'alternate') return
    const cursor = buffer.baseY + buffer.cursorY
    let from = this.at && !this.at.isDisposed ? this.at.line : 0
    if (from > cursor) from = cursor
    while (from > 0 && buffer.getLine(from)?.isWrapped) from--
    let text = ''
    let start = from
    const show = () => {
      if (this.last.textContent !== text) this.last.textContent = text
    }
    for (let y = from; ; y++) {
      const wraps = buffer.getLine(y + 1)?.isWrapped ?? false
      text += buffer.getLine(y)?.translateToString(!wraps) ?? ''
      if (wraps) continue
      if (y >= cursor) break
      show()
      text = ''
      start = y + 1
      this.last = h('div')
      this.el.append(this.last)
    }
    show()
    while (this.el.childElementCount > KEEP) this.el.firstElementChild!.remove()
    this.at?.dispose()
    this.at = this.term.registerMarker(start - cursor)
  }
}
