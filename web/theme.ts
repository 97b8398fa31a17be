import type { ITheme } from '@xterm/xterm'
import { keep, recall } from './store.ts'

const KEY = '9ml.theme'
const kinds = ['system', 'light', 'dark'] as const
type Kind = (typeof kinds)[number]

const listeners: (() => void)[] = []
const system = matchMedia('(prefers-color-scheme: dark)')

function stored(): Kind {
  const kind = recall(KEY)
  return kinds.find(k => k === kind) ?? 'system'
}

function apply(button: HTMLElement): void {
  const kind = stored()
  const dark = kind === 'dark' || (kind === 'system' && system.matches)
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light'
  const name = { system: 'Auto', light: 'Light', dark: 'Dark' }[kind]
  button.textContent = name
  button.setAttribute('aria-label', `Colours: ${name}`)
  for (const f of listeners) f()
}

/** Makes `button` go through light, dark and the system's; the choice is kept. */
export function themeToggle(button: HTMLElement): void {
  button.addEventListener('click', () => {
    keep(KEY, kinds[(kinds.indexOf(stored()) + 1) % kinds.length]!)
    apply(button)
  })
  system.addEventListener('change', () => apply(button))
  apply(button)
}

export function onTheme(f: () => void): void {
  listeners.push(f)
}

/** The style sheet's colours, for the terminal. */
export function termTheme(): ITheme {
  const style = getComputedStyle(document.documentElement)
  const v = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return {
    background: v('text-bg'),
    foreground: v('text-fg'),
    cursor: v('cursor'),
    cursorAccent: v('text-bg'),
    selectionBackground: v('select'),
    black: v('ansi-black'),
    red: v('ansi-red'),
    green: v('ansi-green'),
    yellow: v('ansi-yellow'),
    blue: v('ansi-blue'),
    magenta: v('ansi-magenta'),
    cyan: v('ansi-cyan'),
    white: v('ansi-white'),
    overviewRulerBorder: '#00000000',
    scrollbarSliderBackground: v('scroll'),
    scrollbarSliderHoverBackground: v('scroll-hover'),
    scrollbarSliderActiveBackground: v('scroll-hover'),
  }
}
