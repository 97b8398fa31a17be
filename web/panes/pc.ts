import { FitAddon } from '@xterm/addon-fit'
import type { Terminal } from '@xterm/xterm'
import { h } from '../dom.ts'
import type { Stream } from '../files.ts'
import { termTheme } from '../theme.ts'
import { Transcript } from '../transcript.ts'
import { newTerminal } from './console.ts'
import type { Pane, Workspace } from './pane.ts'

const CONS = '/mnt/pc/cons'
const STATUS = '/mnt/pc/status'
const HOME = '/usr/glenda'
/** Milliseconds between two looks whether a PC is on. */
const LOOK = 700

const message = (err: unknown) => (err instanceof Error ? err.message : String(err))

/** The console of the PC of pc(4), once there is one; until then, what it would be and how to get it. */
class PcConsole {
  private readonly ws: Workspace
  private readonly off = h('div', { class: 'pc-off' })
  private readonly said = h('p', { class: 'pc-said', role: 'status' })
  private readonly start = h('button', { type: 'button', class: 'tool' }, 'Start 9front')
  private readonly screen = h('div', { class: 'screen' })
  private readonly log = h('div', { class: 'offscreen', role: 'log', 'aria-label': 'Transcript of the PC' })
  private term: Terminal | undefined
  private fit = new FitAddon()
  private stream: Stream | undefined
  private image: string | undefined
  private looking = false

  constructor(body: HTMLElement, ws: Workspace) {
    this.ws = ws
    this.start.addEventListener('click', () => {
      const { image } = this
      if (image !== undefined) ws.type(`pc -e -n 9front -m /mnt/pc; {echo 9front '${image}'; echo boot} >/mnt/pc/ctl\n`)
    })
    this.off.append(
      h(
        'p',
        {},
        'A whole PC in v86: real 9front beside this userland, its own kernel, compilers and programs, each a mount away.',
      ),
      h(
        'p',
        {},
        'Drop 9front\u2019s 386 ISO (9front.org has it) on the page and start it; man pc tells of other systems.',
      ),
      this.start,
      this.said,
    )
    body.append(this.off, this.screen, this.log)
    this.screen.hidden = true
    new ResizeObserver(() => this.refit()).observe(this.screen)
    ws.onTheme(() => {
      if (this.term) this.term.options.theme = termTheme()
    })
    ws.onFiles(() => void this.offer())
    void this.offer()
  }

  refit(): void {
    if (this.term && this.screen.clientWidth > 0 && this.screen.clientHeight > 0) this.fit.fit()
  }

  focus(): void {
    if (this.screen.hidden) this.start.focus()
    else this.term?.focus()
  }

  /** The newest ISO at home is what is started. */
  private async offer(): Promise<void> {
    const dirs = await this.ws.files.list(HOME).catch(() => [])
    const images = dirs.filter(d => /\.iso$/i.test(d.name) && !d.name.includes("'")).sort((a, b) => b.mtime - a.mtime)
    this.image = images[0] && `${HOME}/${images[0].name}`
    this.start.disabled = this.image === undefined
  }

  /** Looks for a PC for as long as the pane is seen and there is none. */
  async look(): Promise<void> {
    if (this.looking) return
    this.looking = true
    try {
      while (!this.stream && this.off.offsetParent !== null) {
        try {
          this.stream = await this.ws.files.stream(CONS)
        } catch {
          await new Promise(resolve => setTimeout(resolve, LOOK))
        }
      }
    } finally {
      this.looking = false
    }
    if (this.stream) await this.show(this.stream)
  }

  private async show(stream: Stream): Promise<void> {
    this.off.hidden = true
    this.screen.hidden = false
    const term = this.terminal()
    term.reset()
    this.refit()
    term.focus()
    try {
      for (;;) {
        const b = await stream.read()
        if (b.length === 0) break
        await new Promise<void>(resolve => term.write(b, resolve))
      }
    } catch {
      // The file server is gone, and the PC with it.
    }
    stream.close()
    this.stream = undefined
    const status = await this.ws.files.text(STATUS).catch(message)
    this.said.textContent = `The PC is ${status.trim()}.`
    this.off.hidden = false
    this.screen.hidden = true
    void this.look()
  }

  private terminal(): Terminal {
    if (this.term) return this.term
    const term = newTerminal()
    this.term = term
    term.loadAddon(this.fit)
    term.open(this.screen)
    new Transcript(term, this.log)
    const encoder = new TextEncoder()
    let sent: Promise<void> = Promise.resolve()
    term.onData(data => {
      const { stream } = this
      if (!stream) return
      // In order, whatever each write takes.
      sent = sent
        .then(() => stream.write(encoder.encode(data)))
        .catch(err => this.ws.notices.error(`PC: ${message(err)}`))
    })
    term.attachCustomKeyEventHandler(ev => ev.key !== 'F6')
    return term
  }
}

export const pcPane: Pane = {
  id: 'pc',
  title: 'PC',
  place: 'main',
  mount(body, _tools, ws) {
    const pc = new PcConsole(body, ws)
    return {
      focus: () => pc.focus(),
      shown() {
        pc.refit()
        void pc.look()
      },
    }
  },
}
