import { h } from './dom.ts'

/** A line that tells how something goes, until it is done. */
export interface Notice {
  /** `done` is between 0 and 1. */
  progress(text: string, done: number): void
  /** Goes away by itself after a while; an error stays until it is dismissed. */
  end(text: string, error?: boolean): void
}

const LINGER = 6000

/** Short messages in the corner, read out as they come. */
export class Notices {
  private readonly el: HTMLElement

  constructor(el: HTMLElement) {
    this.el = el
  }

  begin(text: string): Notice {
    const label = h('span', { class: 'notice-text' }, text)
    const bar = h('progress', { max: '1', value: '0', 'aria-hidden': 'true' })
    const close = h('button', { type: 'button', class: 'notice-close', 'aria-label': 'Dismiss' }, '×')
    const box = h('div', { class: 'notice' }, label, bar, close)
    close.addEventListener('click', () => box.remove())
    this.el.append(box)
    return {
      progress(message, done) {
        label.textContent = message
        bar.value = done
      },
      end(message, error = false) {
        label.textContent = message
        bar.remove()
        box.classList.toggle('error', error)
        if (!error) setTimeout(() => box.remove(), LINGER)
      },
    }
  }

  say(text: string): void {
    this.begin(text).end(text)
  }

  error(text: string): void {
    this.begin(text).end(text, true)
  }
}
