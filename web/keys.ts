import { h } from './dom.ts'

/** What a phone's keyboard lacks or hides: a name, and what it types. */
const keys: [label: string, types: string, says?: string][] = [
  ['DEL', '\x7f', 'Interrupt'],
  ['ESC', '\x1b', 'Escape'],
  ['^D', '\x04', 'End of file'],
  ['⇥', '\t', 'Complete'],
  ['↑', '\x1b[A', 'Earlier line'],
  ['|', '|'],
  ['{', '{'],
  ['}', '}'],
  ['$', '$'],
  ["'", "'"],
  ['^', '^'],
  ['/', '/'],
]

/** Fills the key bar, which the style sheet shows on touch screens. Who has the focus keeps it, and so the keyboard. */
export function keyBar(el: HTMLElement, type: (keys: string) => void): void {
  for (const [label, types, says] of keys) {
    const button = h('button', { type: 'button', class: 'key', 'aria-label': says ?? label }, label)
    button.addEventListener('pointerdown', ev => ev.preventDefault())
    button.addEventListener('click', () => {
      type(types)
    })
    el.append(button)
  }
}
