import { h } from '../dom.ts'
import { memberfmt, type Namespace, nstree, owner } from '../nstree.ts'
import type { Pane, Workspace } from './pane.ts'

/** Milliseconds between two looks, while it is seen; and for which what is new stands out. */
const LOOK = 1000
const NEW = 4000

const message = (err: unknown) => (err instanceof Error ? err.message : String(err))

interface Process {
  pid: string
  text: string
}

/** The name space of one process. */
class Column {
  readonly el: HTMLElement
  readonly select: HTMLSelectElement
  tree: Namespace | undefined
  private readonly list = h('ul', { class: 'ns-list' })
  private readonly ws: Workspace
  private readonly pages: () => ReadonlySet<string>
  /** By place and member: when it was first seen. */
  private seen: Map<string, number> | undefined
  private told: string | undefined
  private drawn = ''

  constructor(ws: Workspace, label: string, pages: () => ReadonlySet<string>, changed: () => void) {
    this.ws = ws
    this.pages = pages
    this.select = h('select', { 'aria-label': label })
    this.el = h('section', { class: 'ns-column', 'aria-label': label }, this.select, this.list)
    this.select.addEventListener('change', () => {
      this.seen = undefined
      this.told = undefined
      changed()
    })
  }

  get pid(): string {
    return this.select.value
  }

  /** Offers the processes there are; the one that is looked at stays, until it has ended. */
  offer(processes: Process[], none: boolean): void {
    const was = this.pid
    const options = [...(none ? [{ pid: '', text: 'no other' }] : []), ...processes]
    const same =
      options.length === this.select.options.length &&
      options.every(({ pid, text }, i) => {
        const o = this.select.options[i]!
        return o.value === pid && o.text === text
      })
    if (same) return
    this.select.replaceChildren(...options.map(({ pid, text }) => h('option', { value: pid }, text)))
    this.select.value = options.some(o => o.pid === was) ? was : (options[0]?.pid ?? '')
  }

  async read(): Promise<void> {
    const { pid } = this
    if (pid === '') {
      this.tree = undefined
      return
    }
    try {
      const text = await this.ws.aside.text(`/proc/${pid}/ns`)
      if (this.pid === pid) this.tree = nstree(text)
    } catch (err) {
      this.tree = undefined
      this.list.replaceChildren(h('li', {}, message(err)))
      this.drawn = ''
    }
  }

  /** Draws it, with what is not so in the other marked. */
  draw(other: Namespace | undefined): void {
    const { tree } = this
    this.el.classList.toggle('none', this.pid === '')
    if (!tree) {
      if (this.pid === '') this.list.replaceChildren()
      return
    }
    const others = other && new Map(other.places.map(p => [p.path, p.union.map(memberfmt)]))
    const now = performance.now()
    const first = this.seen === undefined
    const seen = new Map<string, number>()
    const rows = tree.places.flatMap(({ path, union }) => [
      { key: path, path, m: undefined },
      ...union.map((m, i) => ({ key: `${path} ${i} ${m.kind} ${memberfmt(m)}`, path, m })),
    ])
    for (const { key } of rows) seen.set(key, this.seen?.get(key) ?? (first ? Number.NEGATIVE_INFINITY : now))
    this.seen = seen
    const isNew = (key: string) => now - seen.get(key)! < NEW
    const state = JSON.stringify([rows.map(r => [r.key, isNew(r.key)]), tree.dot, others && [...others], this.told])
    if (state === this.drawn) return
    this.drawn = state
    const focused = this.list.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset['key']
      : undefined
    const places = tree.places.map(({ path, union }) => {
      const theirs = others?.get(path)
      const li = h('li', {}, h('span', { class: 'ns-path' }, path))
      if (others && !theirs) li.classList.add('ns-other')
      if (isNew(path)) li.classList.add('ns-new')
      const members = h('ul', { class: 'ns-members' })
      union.forEach((m, i) => {
        const key = `${path} ${i} ${m.kind} ${memberfmt(m)}`
        const b = h(
          'button',
          { type: 'button', class: `ns-member ${m.kind}`, 'data-key': key, 'aria-expanded': String(this.told === key) },
          `${m.kind === 'mount' ? 'mount ' : ''}${memberfmt(m)}`,
        )
        if (theirs && theirs[i] !== memberfmt(m)) b.classList.add('ns-other')
        if (isNew(key)) b.classList.add('ns-new')
        b.addEventListener('click', () => {
          this.told = this.told === key ? undefined : key
          this.draw(other)
        })
        const item = h('li', {}, b)
        if (this.told === key) {
          const { says, page } = owner(m, this.pages())
          const p = h('div', { class: 'ns-says' }, says)
          if (page !== undefined) {
            const man = h('button', { type: 'button', class: 'lesson-page' }, `man ${page}`)
            man.addEventListener('click', () => this.ws.type(`man ${page}\n`))
            p.append(' ', man)
          }
          item.append(p)
        }
        members.append(item)
      })
      li.append(members)
      return li
    })
    this.list.replaceChildren(...places, h('li', {}, h('span', { class: 'ns-path' }, 'cd '), tree.dot))
    if (focused !== undefined)
      [...this.list.querySelectorAll<HTMLElement>('[data-key]')].find(b => b.dataset['key'] === focused)?.focus()
  }
}

class Namespaces {
  private readonly ws: Workspace
  private readonly body: HTMLElement
  private readonly columns: [Column, Column]
  private pages: ReadonlySet<string> = new Set()
  private looking = false

  constructor(body: HTMLElement, ws: Workspace) {
    this.ws = ws
    this.body = body
    const column = (label: string) =>
      new Column(
        ws,
        label,
        () => this.pages,
        () => void this.once(),
      )
    this.columns = [column('Process'), column('Another process')]
    body.append(h('div', { class: 'ns-columns' }, ...this.columns.map(c => c.el)))
  }

  focus(): void {
    this.columns[0].select.focus()
  }

  private async once(): Promise<void> {
    const { aside } = this.ws
    const names = (await aside.list('/proc').catch(() => [])).map(d => d.name)
    const processes = await Promise.all(
      names
        .filter(n => /^\d+$/.test(n))
        .sort((a, b) => Number(a) - Number(b))
        .map(async pid => {
          const name = (await aside.text(`/proc/${pid}/status`).catch(() => '')).split(' ')[0]
          return { pid, text: `${pid} ${name}` }
        }),
    )
    if (this.columns[0].pid === '') {
      // The console's shell, whose name space this is looked at through.
      const shell = (await aside.text('/dev/pid').catch(() => '')).trim()
      processes.sort((a, b) => Number(b.pid === shell) - Number(a.pid === shell))
    }
    this.columns[0].offer(processes, false)
    this.columns[1].offer(processes, true)
    await Promise.all(this.columns.map(c => c.read()))
    const [a, b] = this.columns
    a.draw(b.tree)
    b.draw(a.tree)
  }

  private async man(): Promise<void> {
    const { aside } = this.ws
    const sections = ['2', '3', '4']
    const all = await Promise.all(sections.map(s => aside.list(`/sys/man/${s}`).catch(() => [])))
    this.pages = new Set(all.flatMap((dirs, i) => dirs.map(d => `${sections[i]} ${d.name}`)))
  }

  /** Looks for as long as the pane is seen. */
  async look(): Promise<void> {
    if (this.looking) return
    this.looking = true
    try {
      if (this.pages.size === 0) await this.man()
      while (this.body.offsetParent !== null) {
        if (!document.hidden) await this.once()
        await new Promise(resolve => setTimeout(resolve, LOOK))
      }
    } finally {
      this.looking = false
    }
  }
}

/** The name spaces of processes: what is bound and mounted where, and whose it is. */
export const nsPane: Pane = {
  id: 'ns',
  title: 'Names',
  place: 'side',
  mount(body, _tools, ws) {
    const ns = new Namespaces(body, ws)
    return { focus: () => ns.focus(), shown: () => void ns.look() }
  },
}
