import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { COMPOSE } from '../../shell/line/console.ts'
import { h } from '../dom.ts'
import type { FromCons, ToCons } from '../kernel.ts'
import { termTheme } from '../theme.ts'
import { Transcript } from '../transcript.ts'
import type { Pane } from './pane.ts'

/** What the page needs of the console beyond the pane. */
export interface ConsoleTerminal {
  size(): { cols: number; rows: number }
  screenReader(on: boolean): void
  /** The console's process was replaced, or, of one that is not the first, has exited. */
  onRestart(f: () => void): void
}

/** Keys that a terminal sends otherwise than Plan 9's console wants them. */
const keys: Record<string, string> = {
  Backspace: '\b',
  Delete: '\x7f',
}

/** A terminal as every console of the page has it, in the colours of the moment. */
export function newTerminal(): Terminal {
  return new Terminal({
    fontFamily: "ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace",
    fontSize: matchMedia('(max-width: 760px)').matches ? 13 : 14,
    lineHeight: 1.25,
    letterSpacing: 0,
    cursorBlink: false,
    cursorStyle: 'block',
    cursorInactiveStyle: 'outline',
    scrollback: 5000,
    overviewRuler: { width: 10 },
    theme: termTheme(),
  })
}

/** An rc console: an xterm over `port` (ToCons out, FromCons in). The first is without a number. */
export function consolePane(port: MessagePort, n = 1): { pane: Pane; terminal: ConsoleTerminal } {
  const term = newTerminal()
  const fit = new FitAddon()
  term.loadAddon(fit)
  const send = (m: ToCons) => port.postMessage(m)
  let restarted = () => {}
  let alone = false

  term.onData(data => send(data))
  term.onResize(({ cols, rows }) => send({ cols, rows }))
  term.attachCustomKeyEventHandler(ev => {
    if (ev.key === 'F6') return false
    // The Alt key let go with nothing typed meanwhile is the compose key.
    if (ev.key === 'Alt') {
      if (ev.type === 'keydown') alone = true
      else if (ev.type === 'keyup' && alone) {
        ev.preventDefault()
        send(COMPOSE)
      }
      return false
    }
    alone = false
    const copy = (ev.ctrlKey && ev.shiftKey && ev.code === 'KeyC') || (ev.metaKey && ev.code === 'KeyC')
    const paste = (ev.ctrlKey && ev.shiftKey && ev.code === 'KeyV') || (ev.metaKey && ev.code === 'KeyV')
    if (copy) {
      if (ev.type === 'keydown' && term.hasSelection()) void navigator.clipboard.writeText(term.getSelection())
      if (ev.ctrlKey) ev.preventDefault()
      return false
    }
    // The browser pastes into xterm's text area, whose paste event xterm takes.
    if (paste) return false
    const key = keys[ev.key]
    if (key !== undefined && !ev.ctrlKey && !ev.altKey && !ev.metaKey) {
      if (ev.type === 'keydown') {
        ev.preventDefault()
        term.clearSelection()
        term.scrollToBottom()
        send(key)
      }
      return false
    }
    return true
  })
  port.onmessage = ({ data }: MessageEvent<FromCons>) => {
    if (data === 'restarted' || data === 'exited') restarted()
    else term.write(data, () => send({ shown: data.length }))
  }

  const pane: Pane = {
    id: n === 1 ? 'console' : `console${n}`,
    title: n === 1 ? 'Console' : `Console ${n}`,
    place: 'main',
    ...(n > 1 && { after: n === 2 ? 'console' : `console${n - 1}` }),
    mount(body, _tools, ws) {
      const screen = h('div', { class: 'screen' })
      const log = h('div', {
        class: 'offscreen',
        role: 'log',
        'aria-label': `${n === 1 ? 'Console' : `Console ${n}`} transcript`,
      })
      body.append(screen, log)
      term.open(screen)
      new Transcript(term, log)
      ws.onTheme(() => {
        term.options.theme = termTheme()
      })
      const refit = () => {
        if (screen.clientWidth > 0 && screen.clientHeight > 0) fit.fit()
      }
      new ResizeObserver(refit).observe(screen)
      refit()
      return { focus: () => term.focus(), shown: refit, type: send }
    },
  }
  return {
    pane,
    terminal: {
      size: () => ({ cols: term.cols, rows: term.rows }),
      screenReader(on) {
        term.options.screenReaderMode = on
      },
      onRestart(f) {
        restarted = f
      },
    },
  }
}
