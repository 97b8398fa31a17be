import { FitAddon } from '@xterm/addon-fit'
import type { Terminal } from '@xterm/xterm'
import { quoterc } from '../../plan9/libc/quote.ts'
import { h } from '../dom.ts'
import type { Stream } from '../files.ts'
import { termTheme } from '../theme.ts'
import { Transcript } from '../transcript.ts'
import { newTerminal } from './console.ts'
import type { Pane, Workspace } from './pane.ts'
import { PcScreen } from './screen.ts'

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
  private readonly build = h(
    'button',
    { type: 'button', class: 'tool', title: 'llmfs and its kin, by 9front\u2019s own compilers' },
    'Build in 9front',
  )
  private readonly screen = h('div', { class: 'screen' })
  private readonly log = h('div', { class: 'offscreen', role: 'log', 'aria-label': 'Transcript of the PC' })
  private term: Terminal | undefined
  private fit = new FitAddon()
  private stream: Stream | undefined
  private image: string | undefined
  private looking = false
  private readonly vga: PcScreen
  private readonly which = h('button', { type: 'button', class: 'tool', 'aria-pressed': 'false', hidden: '' }, 'Screen')
  private sent: Promise<void> = Promise.resolve()

  constructor(body: HTMLElement, tools: HTMLElement, ws: Workspace) {
    this.ws = ws
    this.vga = new PcScreen(ws.files, err => ws.notices.error(`PC: ${message(err)}`))
    this.which.addEventListener('click', () => {
      this.which.setAttribute('aria-pressed', String(!this.onscreen))
      this.arrange()
      this.focus()
    })
    tools.append(this.which)
    this.start.addEventListener('click', () => {
      const { image } = this
      if (image !== undefined) ws.type(`9mlboot ${quoterc(image)}\n`)
    })
    this.build.addEventListener('click', () => {
      if (this.image !== undefined) ws.type(`9mlbuild ${quoterc(this.image)} ${HOME}\n`)
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
      this.build,
      this.said,
    )
    body.append(this.off, this.screen, this.vga.el, this.log)
    this.arrange()
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

  private get onscreen(): boolean {
    return this.which.getAttribute('aria-pressed') === 'true'
  }

  /** Shows what there is to be seen: nothing, the console or the screen. */
  arrange(): void {
    const on = this.stream !== undefined
    this.off.hidden = on
    this.which.hidden = !on
    this.screen.hidden = !on || this.onscreen
    this.vga.el.hidden = !on || !this.onscreen
    this.vga.show(!this.vga.el.hidden)
    this.refit()
  }

  focus(): void {
    if (!this.vga.el.hidden) this.vga.el.focus()
    else if (this.screen.hidden) this.start.focus()
    else this.term?.focus()
  }

  type(keys: string): void {
    if (!this.vga.el.hidden) this.vga.type(keys)
    else this.send(keys)
  }

  /** In order, whatever each write takes. */
  private send(data: string): void {
    const { stream } = this
    if (!stream) return
    this.sent = this.sent
      .then(() => stream.write(new TextEncoder().encode(data)))
      .catch(err => this.ws.notices.error(`PC: ${message(err)}`))
  }

  /** The newest ISO at home is what is started. */
  private async offer(): Promise<void> {
    const dirs = await this.ws.files.list(HOME).catch(() => [])
    const images = dirs.filter(d => /\.iso$/i.test(d.name)).sort((a, b) => b.mtime - a.mtime)
    this.image = images[0] && `${HOME}/${images[0].name}`
    this.start.disabled = this.build.disabled = this.image === undefined
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
    const term = this.terminal()
    term.reset()
    this.vga.reset()
    this.arrange()
    this.focus()
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
    this.arrange()
    void this.look()
  }

  private terminal(): Terminal {
    if (this.term) return this.term
    const term = newTerminal()
    this.term = term
    term.loadAddon(this.fit)
    term.open(this.screen)
    new Transcript(term, this.log)
    term.onData(data => this.send(data))
    term.attachCustomKeyEventHandler(ev => ev.key !== 'F6')
    return term
  }
}

export const pcPane: Pane = {
  id: 'pc',
  title: 'PC',
  place: 'main',
  mount(body, tools, ws) {
    const pc = new PcConsole(body, tools, ws)
    return {
      focus: () => pc.focus(),
      type: keys => pc.type(keys),
      shown() {
        pc.arrange()
        void pc.look()
      },
    }
  },
}
