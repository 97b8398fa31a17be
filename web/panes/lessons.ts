import { called, type Lesson, parse } from '../../shell/cmd/lesson/parse.ts'
import { h } from '../dom.ts'
import { params } from '../share.ts'
import type { Pane, Workspace } from './pane.ts'

const DIR = '/lib/lessons'
const DONE = '/usr/glenda/lib/lessons'
/** Milliseconds between two looks whether a step is done. */
const LOOK = 700

const message = (err: unknown) => (err instanceof Error ? err.message : String(err))

/** The lesson and the step that an address names: #lesson=files.2. */
export function lessonIn(hash: string): { name: string; step: number } | undefined {
  const [, name, step] = /^([^.]+)(?:\.(\d+))?$/.exec(params(hash).get('lesson') ?? '') ?? []
  return name === undefined ? undefined : { name, step: Number(step ?? 1) }
}

interface Found {
  name: string
  lesson: Lesson
}

class Lessons {
  private readonly ws: Workspace
  private readonly el = h('div', { class: 'lessons' })
  private found: Found[] = []
  private done = new Set<string>()
  private at: { f: Found; n: number } | undefined
  private readonly state = h('p', { class: 'lesson-state', role: 'status' })
  private looking = false

  constructor(body: HTMLElement, tools: HTMLElement, ws: Workspace) {
    this.ws = ws
    const index = h('button', { type: 'button', class: 'tool' }, 'All')
    index.addEventListener('click', () => this.list())
    tools.append(index)
    body.append(this.el)
    addEventListener('hashchange', () => this.follow())
  }

  focus(): void {
    this.el.querySelector<HTMLElement>('input, .lesson-command, button')?.focus()
  }

  async shown(): Promise<void> {
    if (this.found.length === 0) {
      try {
        await this.read()
      } catch (err) {
        this.el.textContent = message(err)
        return
      }
      if (!this.follow()) this.list()
    }
    void this.look()
  }

  private async read(): Promise<void> {
    // Nothing is there before the kernel is.
    await this.ws.run('pwd').catch(() => undefined)
    const { files } = this.ws
    const names = (await files.list(DIR)).map(d => d.name).sort()
    this.found = await Promise.all(
      names.map(async name => {
        try {
          return { name: called(name), lesson: parse(await files.text(`${DIR}/${name}`)) }
        } catch (err) {
          throw new Error(`${DIR}/${name}: ${message(err)}`)
        }
      }),
    )
    await this.readDone()
  }

  private async readDone(): Promise<void> {
    const text = await this.ws.files.text(DONE).catch(() => '')
    this.done = new Set(text.split('\n'))
  }

  private isDone(name: string, n: number): boolean {
    return this.done.has(`${name} ${n}`)
  }

  /** Goes where the address says. */
  private follow(): boolean {
    const to = lessonIn(location.hash)
    const f = this.found.find(f => f.name === to?.name)
    if (!f || !to) return false
    if (this.at?.f !== f || this.at.n !== to.step) this.show(f, to.step)
    return true
  }

  private list(): void {
    this.at = undefined
    history.replaceState(null, '', location.pathname + location.search)
    const search = h('input', { type: 'search', placeholder: 'Search the lessons', 'aria-label': 'Search the lessons' })
    const ul = h('ul')
    const fill = () => {
      const words = search.value.toLowerCase().split(/\s+/)
      const hits = this.found.filter(({ lesson: { title, steps } }) => {
        const all = [title, ...steps.flatMap(s => [s.title, ...s.text])].join('\n').toLowerCase()
        return words.every(w => all.includes(w))
      })
      ul.replaceChildren(
        ...hits.map(f => {
          const n = f.lesson.steps.filter((_, i) => this.isDone(f.name, i + 1)).length
          const to = h(
            'button',
            { type: 'button', class: 'lesson-link' },
            f.lesson.title,
            h('span', { 'aria-label': `${n} of ${f.lesson.steps.length} done` }, `${n}/${f.lesson.steps.length}`),
          )
          to.addEventListener('click', () => {
            const next = f.lesson.steps.findIndex((_, i) => !this.isDone(f.name, i + 1))
            this.show(f, next < 0 ? 1 : next + 1)
          })
          return h('li', {}, to)
        }),
      )
    }
    search.addEventListener('input', fill)
    fill()
    this.el.replaceChildren(search, ul)
  }

  private show(f: Found, want: number): void {
    const { steps, title } = f.lesson
    const n = Math.min(Math.max(want, 1), steps.length)
    const step = steps[n - 1]!
    this.at = { f, n }
    history.replaceState(null, '', `#lesson=${encodeURIComponent(f.name)}.${n}`)
    const button = (text: string, go: () => void) => {
      const b = h('button', { type: 'button', class: 'tool' }, text)
      b.addEventListener('click', go)
      return b
    }
    const dots = steps.map((s, i) => {
      const b = button(`${i + 1}${this.isDone(f.name, i + 1) ? ' ✓' : ''}`, () => this.show(f, i + 1))
      b.title = s.title
      if (i + 1 === n) b.setAttribute('aria-current', 'step')
      return b
    })
    const hint = h('p', { class: 'lesson-hint', hidden: '' }, step.hint.trim())
    const next = button('Next', () => {
      const lesson = this.found[this.found.indexOf(f) + 1]
      if (n < steps.length) this.show(f, n + 1)
      else if (lesson) this.show(lesson, 1)
      else this.list()
      this.focus()
    })
    this.el.replaceChildren(
      h('div', { class: 'lesson-title' }, title),
      h('nav', { class: 'lesson-steps', 'aria-label': 'Steps' }, ...dots),
      h('h3', {}, step.title),
      ...this.prose(step.text),
      this.state,
      hint,
      h(
        'div',
        { class: 'lesson-tools' },
        ...(step.hint === ''
          ? []
          : [
              button('Hint', () => {
                hint.hidden = !hint.hidden
              }),
            ]),
        button('Start over', () => void this.reset(f, n)),
        next,
      ),
    )
    this.el.scrollTop = 0
    this.tell()
  }

  private async reset(f: Found, n: number): Promise<void> {
    await this.ws.run('lesson', 'reset', f.name, String(n)).catch(err => this.ws.notices.error(message(err)))
    if (!this.done.delete(`${f.name} ${n}`)) return
    this.show(f, n)
    void this.look()
  }

  private prose(text: readonly string[]): HTMLElement[] {
    const out: HTMLElement[] = []
    let para: string[] = []
    const end = () => {
      if (para.length > 0) out.push(h('p', {}, ...this.linked(para.join(' '))))
      para = []
    }
    for (const line of text) {
      if (line.startsWith('\t')) {
        end()
        const command = line.slice(1)
        const b = h('button', { type: 'button', class: 'lesson-command', title: 'Run it in the console' }, command)
        b.addEventListener('click', () => this.ws.type(`${command}\n`))
        out.push(b)
      } else if (line === '') end()
      else para.push(line)
    }
    end()
    return out
  }

  /** Text, with what names a page of the manual made a button. */
  private linked(text: string): (Node | string)[] {
    return text.split(/\b([\w.]+\(\d\))/).map(piece => {
      const [, page, section] = /^([\w.]+)\((\d)\)$/.exec(piece) ?? []
      if (page === undefined) return piece
      const b = h('button', { type: 'button', class: 'lesson-page', title: 'Show this page of the manual' }, piece)
      b.addEventListener('click', () => this.ws.type(`man ${section} ${page}\n`))
      return b
    })
  }

  private tell(): void {
    const { at } = this
    const done = at !== undefined && this.isDone(at.f.name, at.n)
    this.state.classList.toggle('done', done)
    this.state.textContent = done ? 'Done.' : 'Not done yet; it is looked at as you go.'
  }

  /** Looks whether the step is done, for as long as the pane is seen and it is not. */
  private async look(): Promise<void> {
    if (this.looking) return
    this.looking = true
    try {
      while (this.el.offsetParent !== null) {
        const { at } = this
        if (at && !document.hidden && !this.isDone(at.f.name, at.n)) {
          const status = await this.ws.run('lesson', 'test', at.f.name, String(at.n)).catch(message)
          if (status === '') {
            this.done.add(`${at.f.name} ${at.n}`)
            await this.readDone()
            this.done.add(`${at.f.name} ${at.n}`)
            if (this.at === at) {
              this.tell()
              const dot = this.el.querySelector('[aria-current]')
              if (dot) dot.textContent = `${at.n} ✓`
            }
          }
        }
        await new Promise(resolve => setTimeout(resolve, LOOK))
      }
    } finally {
      this.looking = false
    }
  }
}

export const lessonsPane: Pane = {
  id: 'lessons',
  title: 'Lessons',
  place: 'side',
  mount(body, tools, ws) {
    const lessons = new Lessons(body, tools, ws)
    return { focus: () => lessons.focus(), shown: () => void lessons.shown() }
  },
}
