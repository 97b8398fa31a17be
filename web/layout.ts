import { h } from './dom.ts'
import type { Pane, PaneView, Workspace } from './panes/pane.ts'

interface Placed {
  pane: Pane
  section: HTMLElement
  button: HTMLButtonElement
  view: PaneView
}

const narrow = matchMedia('(max-width: 760px)')
const SIDE = '9ml.side'

/** Arranges panes: two places side by side on a wide screen, one at a time on a narrow one. F6 goes from part to part. */
export class Layout {
  private readonly root: HTMLElement
  private readonly tabs: HTMLElement
  private readonly ws: Workspace
  private readonly placed: Placed[] = []
  private readonly separator: HTMLElement
  /** By place, the pane that it shows. */
  private readonly active: Record<Pane['place'], string | undefined> = { main: undefined, side: undefined }
  /** The pane that a narrow screen shows. */
  private current = ''

  constructor(root: HTMLElement, tabs: HTMLElement, ws: Workspace) {
    this.root = root
    this.tabs = tabs
    this.ws = ws
    this.separator = this.makeSeparator()
    root.append(this.separator)
    narrow.addEventListener('change', () => this.arrange())
    addEventListener('resize', () => this.tell())
    document.addEventListener('keydown', ev => {
      if (ev.key !== 'F6' || ev.ctrlKey || ev.altKey || ev.metaKey) return
      ev.preventDefault()
      this.cycle(ev.shiftKey ? -1 : 1)
    })
  }

  add(pane: Pane): PaneView {
    const tools = h('div', { class: 'pane-tools' })
    const body = h('div', { class: 'pane-body' })
    const title = h('h2', { class: 'pane-title' }, pane.title)
    const section = h(
      'section',
      { class: `pane pane-${pane.id}`, 'data-place': pane.place, 'aria-label': pane.title },
      h('header', { class: 'tag' }, title, tools),
      body,
    )
    const button = h('button', { type: 'button', class: 'tab', 'aria-pressed': 'false' }, pane.title)
    button.addEventListener('click', () => this.toggle(pane.id))
    this.tabs.append(button)
    this.root.append(section)
    const view = pane.mount(body, tools, this.ws)
    this.placed.push({ pane, section, button, view })
    view.onBusy?.(busy => button.classList.toggle('busy', busy))
    this.active[pane.place] ??= pane.id
    this.current ||= pane.id
    this.arrange()
    return view
  }

  /** The pane of the main place that takes keys, if that is what is seen there. */
  get typist(): PaneView | undefined {
    return this.placed.find(p => p.view.type && this.visible(p))?.view
  }

  /** Brings a pane to where it is seen. */
  show(id: string): void {
    const p = this.placed.find(({ pane }) => pane.id === id)!
    this.current = id
    this.active[p.pane.place] = id
    this.arrange()
  }

  private toggle(id: string): void {
    const p = this.placed.find(({ pane }) => pane.id === id)!
    const { place } = p.pane
    if (narrow.matches) this.current = id
    else if (place === 'side' && this.active.side === id) this.active.side = undefined
    else this.active[place] = id
    this.arrange()
    if (this.visible(p)) p.view.focus()
  }

  private visible({ pane }: Placed): boolean {
    return narrow.matches ? this.current === pane.id : this.active[pane.place] === pane.id
  }

  private arrange(): void {
    for (const p of this.placed) {
      const shown = this.visible(p)
      p.section.hidden = !shown
      p.button.setAttribute('aria-pressed', String(shown))
    }
    this.root.classList.toggle('with-side', !narrow.matches && this.active.side !== undefined)
    this.separator.hidden = narrow.matches || this.active.side === undefined
    this.tell()
  }

  private tell(): void {
    for (const p of this.placed) if (this.visible(p)) p.view.shown?.()
  }

  private cycle(step: number): void {
    const shown = this.placed.filter(p => this.visible(p))
    const stops = [
      ...shown.map(p => ({ el: p.section, go: () => p.view.focus() })),
      { el: this.tabs.parentElement!, go: () => this.tabs.querySelector('button')?.focus() },
    ]
    const here = stops.findIndex(({ el }) => el.contains(document.activeElement))
    stops[(here + step + stops.length) % stops.length]!.go()
  }

  private makeSeparator(): HTMLElement {
    const el = h('div', {
      class: 'separator',
      role: 'separator',
      tabindex: '0',
      'aria-orientation': 'vertical',
      'aria-label': 'Width of the side pane',
      'aria-valuemin': '180',
      'aria-valuemax': '640',
    })
    const set = (px: number) => {
      const width = Math.round(Math.min(640, Math.max(180, px)))
      this.root.style.setProperty('--side', `${width}px`)
      el.setAttribute('aria-valuenow', String(width))
      localStorage.setItem(SIDE, String(width))
      this.tell()
    }
    const width = () => Number(el.getAttribute('aria-valuenow'))
    el.addEventListener('pointerdown', ev => {
      el.setPointerCapture(ev.pointerId)
      const move = (m: PointerEvent) => set(m.clientX - this.root.getBoundingClientRect().left)
      el.addEventListener('pointermove', move)
      el.addEventListener('lostpointercapture', () => el.removeEventListener('pointermove', move), { once: true })
    })
    el.addEventListener('keydown', ev => {
      if (ev.key === 'ArrowLeft') set(width() - 16)
      else if (ev.key === 'ArrowRight') set(width() + 16)
      else return
      ev.preventDefault()
    })
    queueMicrotask(() => set(Number(localStorage.getItem(SIDE)) || 312))
    return el
  }
}
