import { h } from './dom.ts'
import type { Pane, PaneView, Workspace } from './panes/pane.ts'
import { keep, recall } from './store.ts'

interface Placed {
  pane: Pane
  section: HTMLElement
  button: HTMLButtonElement
  view: PaneView
  /** Leaves the place that it shares to the others. */
  aside: HTMLButtonElement
}

/** Which panes are seen where. */
export interface Arrangement {
  /** From left to right; one at least. */
  main: string[]
  side?: string
}

const narrow = matchMedia('(max-width: 760px)')
const SIDE = '9ml.side'
const KEPT = '9ml.layout'
/** Panes that the main place shows side by side at most, and how narrow one gets, of the others' width. */
const MOST = 4
const LEAST = 0.15

/**
 * Arranges panes: a side, and a main place that is shared by one pane or more, on a wide screen; one at a time on a narrow one.
 * F6 goes from part to part. It is kept.
 */
export class Layout {
  private readonly root: HTMLElement
  private readonly tabs: HTMLElement
  private readonly ws: Workspace
  private readonly placed: Placed[] = []
  private readonly separator: HTMLElement
  private main: string[] = []
  private side: string | undefined
  /** By main pane: its share of the width. */
  private readonly shares = new Map<string, number>()
  private splits: HTMLElement[] = []
  /** The pane that a narrow screen shows. */
  private current = ''
  /** The main pane that was used last. */
  private last = ''
  private settled = false

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

  /** The first of each place is what is seen there, until something else is asked for. */
  add(pane: Pane): PaneView {
    const aside = h(
      'button',
      { type: 'button', class: 'tool', 'aria-label': `Close ${pane.title} here`, hidden: '' },
      '×',
    )
    const tools = h('div', { class: 'pane-tools' })
    const body = h('div', { class: 'pane-body' })
    const title = h('h2', { class: 'pane-title' }, pane.title)
    const section = h(
      'section',
      { class: `pane pane-${pane.id}`, 'data-place': pane.place, 'aria-label': pane.title },
      h('header', { class: 'tag' }, title, tools, aside),
      body,
    )
    const button = h('button', { type: 'button', class: 'tab', 'aria-pressed': 'false' }, pane.title)
    if (pane.place === 'main') button.title = `${pane.title}; with Shift, beside what is there`
    button.addEventListener('click', ev => this.toggle(pane.id, ev.shiftKey))
    // Of a click that a key makes not every browser tells that Shift is down.
    button.addEventListener('keydown', ev => {
      if (ev.key !== 'Enter' || !ev.shiftKey) return
      ev.preventDefault()
      this.toggle(pane.id, true)
    })
    aside.addEventListener('click', () => this.close(pane.id))
    section.addEventListener('focusin', () => {
      if (pane.place === 'main') this.last = pane.id
    })
    const before = pane.after === undefined ? undefined : this.find(pane.after)?.button.nextSibling
    this.tabs.insertBefore(button, before ?? null)
    this.root.append(section)
    const view = pane.mount(body, tools, this.ws)
    this.placed.push({ pane, section, button, view, aside })
    view.onBusy?.(busy => button.classList.toggle('busy', busy))
    if (pane.place === 'main' && this.main.length === 0) this.main = [pane.id]
    if (pane.place === 'side' && !this.settled) this.side ??= pane.id
    this.current ||= pane.id
    this.last ||= pane.id
    this.arrange()
    return view
  }

  /** A pane that is gone for good. */
  remove(id: string): void {
    const p = this.find(id)
    if (!p) return
    this.placed.splice(this.placed.indexOf(p), 1)
    p.section.remove()
    p.button.remove()
    this.main = this.main.filter(m => m !== id)
    if (this.main.length === 0) this.main = [this.placed.find(q => q.pane.place === 'main')!.pane.id]
    if (this.current === id) this.current = this.main[0]!
    if (this.last === id) this.last = this.main[0]!
    this.arrange()
  }

  private find(id: string): Placed | undefined {
    return this.placed.find(({ pane }) => pane.id === id)
  }

  get arrangement(): Arrangement {
    return { main: this.main, ...(this.side !== undefined && { side: this.side }) }
  }

  /** What the panes that are seen want to have in a link. */
  share(): Record<string, string> {
    return Object.assign({}, ...this.placed.filter(p => this.visible(p)).map(p => p.view.share?.() ?? {}))
  }

  /** Takes an arrangement, as far as there are such panes; from then on what is arranged is kept. */
  settle(a: Arrangement | undefined): void {
    if (a) {
      const main = a.main.filter(id => this.find(id)?.pane.place === 'main').slice(0, MOST)
      if (main.length > 0) this.main = [...new Set(main)]
      this.side = a.side !== undefined && this.find(a.side)?.pane.place === 'side' ? a.side : undefined
      this.last = this.main[0]!
    }
    this.settled = true
    this.arrange()
  }

  /** What was kept the last time. */
  static kept(): (Arrangement & { consoles?: number }) | undefined {
    try {
      const a = JSON.parse(recall(KEPT) ?? '') as Arrangement & { consoles?: number }
      return Array.isArray(a.main) ? a : undefined
    } catch {
      return undefined
    }
  }

  /** The pane of the main place that takes keys: that which was used last, if it does. */
  get typist(): PaneView | undefined {
    const typing = this.placed.filter(p => p.view.type && this.visible(p))
    return (typing.find(p => p.pane.id === this.last) ?? typing[0])?.view
  }

  /** Brings a pane to where it is seen, alone or beside what is there. */
  show(id: string, beside = false): void {
    const p = this.find(id)
    if (!p) return
    this.current = id
    if (p.pane.place === 'side') this.side = id
    else if (!this.main.includes(id)) {
      const at = Math.max(0, this.main.indexOf(this.last))
      if (beside && this.main.length < MOST) this.main.splice(at + 1, 0, id)
      else this.main[at] = id
    }
    if (p.pane.place === 'main') this.last = id
    this.arrange()
  }

  private close(id: string): void {
    if (this.main.length > 1) this.main = this.main.filter(m => m !== id)
    this.last = this.main[0]!
    this.arrange()
    this.find(this.last)?.view.focus()
  }

  private toggle(id: string, beside: boolean): void {
    const p = this.find(id)!
    if (!narrow.matches && p.pane.place === 'side' && this.side === id) {
      this.side = undefined
      this.arrange()
    } else this.show(id, beside)
    if (this.visible(p)) p.view.focus()
  }

  private visible({ pane: { id } }: Placed): boolean {
    return narrow.matches ? this.current === id : this.main.includes(id) || this.side === id
  }

  private arrange(): void {
    const wide = !narrow.matches
    for (const p of this.placed) {
      const shown = this.visible(p)
      p.section.hidden = !shown
      p.button.setAttribute('aria-pressed', String(shown))
      p.aside.hidden = !wide || this.main.length < 2 || p.pane.place === 'side'
    }
    const side = wide && this.side !== undefined
    this.root.classList.toggle('with-side', side)
    this.separator.hidden = !side
    for (const s of this.splits) s.remove()
    this.splits = wide ? this.main.slice(1).map((_, i) => this.makeSplit(i)) : []
    this.root.append(...this.splits)
    this.size()
    if (this.settled) {
      const consoles = this.placed.filter(p => p.pane.id.startsWith('console')).length
      keep(KEPT, JSON.stringify({ ...this.arrangement, consoles }))
    }
    this.tell()
  }

  /** The columns, by their shares. */
  private size(): void {
    const side = this.separator.hidden ? '' : 'var(--side, 312px) 1px '
    const shares = (narrow.matches ? [''] : this.main).map(id => `minmax(0, ${this.shares.get(id) ?? 1}fr)`)
    this.root.style.gridTemplateColumns = side + shares.join(' 1px ')
    const first = side === '' ? 1 : 3
    for (const p of this.placed) {
      const at = this.main.indexOf(p.pane.id)
      p.section.style.gridColumn = narrow.matches || at < 0 ? '1' : String(first + 2 * at)
    }
    this.splits.forEach((el, i) => {
      el.style.gridColumn = String(first + 2 * i + 1)
    })
  }

  private tell(): void {
    for (const p of this.placed) if (this.visible(p)) p.view.shown?.()
  }

  private cycle(step: number): void {
    const order = [this.side, ...this.main]
    const shown = this.placed
      .filter(p => this.visible(p))
      .sort((a, b) => order.indexOf(a.pane.id) - order.indexOf(b.pane.id))
    // The main pane comes first, the side last.
    if (!narrow.matches && this.side !== undefined) shown.push(shown.shift()!)
    const stops = [
      ...shown.map(p => ({ el: p.section, go: () => p.view.focus() })),
      { el: this.tabs.parentElement!, go: () => this.tabs.querySelector('button')?.focus() },
    ]
    const here = stops.findIndex(({ el }) => el.contains(document.activeElement))
    stops[(here + step + stops.length) % stops.length]!.go()
  }

  /** Drags, and arrow keys. `move` gets pixels since it was taken hold of, or since the key before. */
  private movable(el: HTMLElement, grab: () => void, move: (px: number) => void): void {
    el.addEventListener('pointerdown', ev => {
      el.setPointerCapture(ev.pointerId)
      const from = ev.clientX
      grab()
      const moved = (m: PointerEvent) => move(m.clientX - from)
      el.addEventListener('pointermove', moved)
      el.addEventListener('lostpointercapture', () => el.removeEventListener('pointermove', moved), { once: true })
    })
    el.addEventListener('keydown', ev => {
      if (ev.key !== 'ArrowLeft' && ev.key !== 'ArrowRight') return
      ev.preventDefault()
      grab()
      move(ev.key === 'ArrowLeft' ? -16 : 16)
    })
  }

  /** Between the i'th main pane and the next. */
  private makeSplit(i: number): HTMLElement {
    const [a, b] = [this.main[i]!, this.main[i + 1]!]
    const el = h('div', {
      class: 'separator split',
      role: 'separator',
      tabindex: '0',
      'aria-orientation': 'vertical',
      'aria-label': `Width of ${this.find(a)!.pane.title}`,
      'aria-valuemin': '15',
      'aria-valuemax': '85',
    })
    let [x, y] = [1, 1]
    const told = () => el.setAttribute('aria-valuenow', String(Math.round((100 * (this.shares.get(a) ?? 1)) / sum())))
    const sum = () => (this.shares.get(a) ?? 1) + (this.shares.get(b) ?? 1)
    told()
    this.movable(
      el,
      () => {
        x = this.shares.get(a) ?? 1
        y = this.shares.get(b) ?? 1
      },
      px => {
        const width = this.find(a)!.section.clientWidth + this.find(b)!.section.clientWidth
        const both = x + y
        const share = Math.min(Math.max(x + (px * both) / Math.max(width, 1), LEAST * both), (1 - LEAST) * both)
        this.shares.set(a, share)
        this.shares.set(b, both - share)
        told()
        this.size()
        this.tell()
      },
    )
    return el
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
    let from = 0
    const set = (px: number) => {
      const width = Math.round(Math.min(640, Math.max(180, px)))
      this.root.style.setProperty('--side', `${width}px`)
      el.setAttribute('aria-valuenow', String(width))
      keep(SIDE, String(width))
      this.tell()
    }
    this.movable(
      el,
      () => {
        from = Number(el.getAttribute('aria-valuenow'))
      },
      px => set(from + px),
    )
    queueMicrotask(() => set(Number(recall(SIDE)) || 312))
    return el
  }
}
