import { compare, type Open, Probe } from '../../llmfs/compare/drive.ts'
import {
  differ,
  format,
  parse,
  type Run,
  type Settings,
  speeds,
  type Token,
  table,
  verdict,
} from '../../llmfs/compare/record.ts'
import { Tokenizer } from '../../llmfs/engine/tokenizer.ts'
import { DMDIR } from '../../plan9/9p/const.ts'
import { tokenize } from '../../plan9/libc/quote.ts'
import { h } from '../dom.ts'
import { params } from '../share.ts'
import { Chart, colorOf } from './compare-chart.ts'
import type { Workspace } from './pane.ts'

const HOME = '/usr/glenda'
/** Where trees are mounted by custom. */
const PLACES = ['/mnt', '/n']
/** Tokens that a speed is measured over. */
const WINDOW = 8
const TOP = 10
/** Points that make a curve. */
const POINTS = 4
/** Milliseconds that a row is looked at before its logits are computed. */
const DWELL = 200

const message = (err: unknown) => (err instanceof Error ? err.message : String(err))
const visible = (s: string) => s.replaceAll('\n', '↵').replaceAll('\t', '⇥')
const percent = (p: number) => (p >= 0.0001 ? `${(100 * p).toFixed(2)} %` : '< 0.01 %')

const decoder = new TextDecoder()

/** The words of a tree's model. */
class Vocab {
  private readonly tokenizer: Tokenizer | undefined
  private readonly seen: ReadonlyMap<number, string>

  constructor(tokenizer: Tokenizer | undefined, seen: ReadonlyMap<number, string>) {
    this.tokenizer = tokenizer
    this.seen = seen
  }

  text(id: number): string {
    const piece = this.tokenizer?.vocab[id]
    if (piece === undefined) return this.seen.get(id) ?? ''
    return decoder.decode(Uint8Array.from(piece, c => c.charCodeAt(0)))
  }
}

/** The likeliest, by logits of (vocab_size,). */
function top(logits: Float32Array): { id: number; p: number }[] {
  let max = Number.NEGATIVE_INFINITY
  for (const l of logits) if (l > max) max = l
  let sum = 0
  for (const l of logits) sum += Math.exp(l - max)
  const ids = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b)
  return ids.slice(0, TOP).map(id => ({ id, p: Math.exp(logits[id]! - max) / sum }))
}

/** Tokens a second over the last few, by seconds since the start. */
function rates(tokens: readonly Token[]): { x: number[]; y: number[] } {
  const x: number[] = []
  const y: number[] = []
  for (let i = 1; i < tokens.length; i++) {
    const from = Math.max(0, i - WINDOW)
    const ms = tokens[i]!.at - tokens[from]!.at
    const at = tokens[i]!.at / 1000
    // Several may come in one read.
    if (ms <= 0 || at === x.at(-1)) continue
    x.push(at)
    y.push(((i - from) * 1000) / ms)
  }
  return { x, y }
}

export class CompareView {
  private readonly ws: Workspace
  private readonly trees = h('div', { class: 'cmp-trees', role: 'group', 'aria-label': 'Trees' })
  private readonly path = h('input', {
    type: 'text',
    placeholder: '/n/other',
    'aria-label': 'Another tree',
    size: '12',
  })
  private readonly prompt = h('textarea', { rows: '2', 'aria-label': 'Prompt' }, 'Once upon a time')
  private readonly fields = {
    temp: h('input', { type: 'number', min: '0', step: 'any', value: '0' }),
    topp: h('input', { type: 'number', min: '0', max: '1', step: 'any', value: '0.9' }),
    seed: h('input', { type: 'number', min: '1', step: '1', value: '1' }),
    steps: h('input', { type: 'number', min: '0', step: '1', value: '64' }),
  }
  private readonly all = h('input', { type: 'checkbox' })
  private readonly go = h('button', { type: 'submit', class: 'tool' }, 'Run')
  private readonly halt = h('button', { type: 'button', class: 'tool', disabled: '' }, 'Stop')
  private readonly saved = h('select', { 'aria-label': 'Saved runs' })
  private readonly said = h('div', { class: 'cmp-said', role: 'status' })
  private readonly head = h('thead')
  private readonly rows = h('tbody')
  private readonly detail = h('div', { class: 'cmp-detail', role: 'region', 'aria-label': 'Position', hidden: '' })
  private readonly deltas: Chart
  private readonly speed: Chart
  private run: Run | undefined
  private stopper: AbortController | undefined
  private dirty = false
  /** Rows that have been made. */
  private made = 0
  private probe: Promise<Probe> | undefined
  private probing: Promise<unknown> = Promise.resolve()
  private readonly logits = new Map<number, Float32Array[]>()
  private vocabs: Vocab[] = []
  private current: HTMLElement | undefined
  private dwell: ReturnType<typeof setTimeout> | undefined

  constructor(body: HTMLElement, tools: HTMLElement, ws: Workspace) {
    this.ws = ws
    const charts = [h('div', { class: 'cmp-chart', hidden: '' }), h('div', { class: 'cmp-chart', hidden: '' })] as const
    this.deltas = new Chart(charts[0], 'max |Δlogit| by position', '|Δ|', 1)
    this.speed = new Chart(charts[1], 'tokens a second, over time in s', 'tok/s')
    const add = h('button', { type: 'button', class: 'tool' }, 'Add')
    const label = (text: string, el: HTMLElement) => h('label', {}, text, el)
    const form = h(
      'form',
      { class: 'cmp-form' },
      h('div', { class: 'cmp-line' }, this.trees, this.path, add),
      this.prompt,
      h(
        'div',
        { class: 'cmp-line' },
        ...Object.entries(this.fields).map(([name, el]) => label(name, el)),
        h('label', { title: 'Each takes a run of its own up to there' }, this.all, 'logits of all'),
        this.go,
        this.halt,
      ),
    )
    form.noValidate = true
    form.addEventListener('submit', ev => {
      ev.preventDefault()
      void this.start()
    })
    this.halt.addEventListener('click', () => this.stopper?.abort())
    add.addEventListener('click', () => void this.add())
    this.path.addEventListener('keydown', ev => {
      if (ev.key !== 'Enter') return
      ev.preventDefault()
      void this.add()
    })

    const save = h('button', { type: 'button', class: 'tool', title: `Keep this run in ${HOME}` }, 'Save')
    const copy = h('button', { type: 'button', class: 'tool', title: 'Copy this run as text' }, 'Copy')
    save.addEventListener('click', () => void this.save())
    copy.addEventListener('click', () => void this.copy())
    this.saved.addEventListener('change', () => void this.open(this.saved.value))
    tools.append(this.saved, save, copy)

    this.rows.addEventListener('focusin', ev => this.look(ev.target))
    this.rows.addEventListener('mouseover', ev => this.look(ev.target))
    this.rows.addEventListener('keydown', ev => this.key(ev))
    body.append(
      form,
      this.said,
      h('div', { class: 'cmp-charts' }, ...charts),
      h('div', { class: 'cmp-table' }, h('table', { 'aria-label': 'Tokens' }, this.head, this.rows)),
      this.detail,
    )
    ws.onTheme(() => {
      this.deltas.redraw()
      this.speed.redraw()
    })
    ws.onFiles(() => void this.listSaved())
    this.take(params(location.hash))
    addEventListener('hashchange', () => this.take(params(location.hash)))
  }

  share(): Record<string, string> {
    const fields = Object.entries(this.fields).map(([name, el]) => [name, el.value])
    return { prompt: this.prompt.value, ...Object.fromEntries(fields) }
  }

  /** What a link has of the settings. */
  private take(p: URLSearchParams): void {
    this.prompt.value = p.get('prompt') ?? this.prompt.value
    for (const [name, el] of Object.entries(this.fields)) el.value = p.get(name) ?? el.value
  }

  focus(): void {
    this.prompt.focus()
  }

  shown(): void {
    void this.find()
    void this.listSaved()
    this.dirty = true
    this.frame()
  }

  /** Trees that look like llmfs's are offered, those that have a model are ticked at first. */
  private async find(): Promise<void> {
    const { files } = this.ws
    const found: string[] = []
    for (const place of PLACES) {
      const dirs = await files.list(place).catch(() => [])
      await Promise.all(
        dirs
          .filter(d => d.mode & DMDIR)
          .map(async ({ name }) => {
            const tree = `${place}/${name}`
            if (await this.isTree(tree)) found.push(tree)
          }),
      )
    }
    for (const tree of [...new Set(found)].sort()) await this.offer(tree)
    if (this.trees.childElementCount === 0)
      this.said.textContent = 'No llmfs is mounted: llmfs -m /mnt/llm, and load a model (man 4 llmfs).'
  }

  private isTree(tree: string): Promise<boolean> {
    return Promise.all(['clone', 'model'].map(f => this.ws.files.stat(`${tree}/${f}`))).then(
      () => true,
      () => false,
    )
  }

  private offered(): HTMLInputElement[] {
    return [...this.trees.querySelectorAll('input')]
  }

  private async offer(tree: string): Promise<void> {
    if (this.offered().some(i => i.value === tree)) return
    const loaded = await this.ws.files.text(`${tree}/ctl`).catch(() => '')
    if (this.offered().some(i => i.value === tree)) return
    const box = h('input', { type: 'checkbox', value: tree })
    box.checked = loaded.startsWith('loaded')
    if (this.said.textContent?.startsWith('No llmfs')) this.said.textContent = ''
    this.trees.append(h('label', { title: loaded.trim() }, box, tree))
  }

  private async add(): Promise<void> {
    const tree = this.path.value.trim().replace(/\/+$/, '')
    if (tree === '') return
    if (!(await this.isTree(tree))) return this.ws.notices.error(`${tree}: no llmfs is there`)
    this.path.value = ''
    await this.offer(tree)
    for (const i of this.offered()) if (i.value === tree) i.checked = true
  }

  /** @throws Error a field has no number that can be one of it */
  private settings(): Settings {
    const number = (name: keyof CompareView['fields'], ok: (n: number) => boolean) => {
      const { value } = this.fields[name]
      const n = Number(value)
      if (value === '' || !ok(n)) throw new Error(`bad value: ${name}`)
      return n
    }
    const whole = (n: number) => Number.isSafeInteger(n) && n >= 0
    return {
      prompt: this.prompt.value,
      temp: number('temp', n => n >= 0),
      topp: number('topp', n => n >= 0 && n <= 1),
      seed: BigInt(number('seed', n => whole(n) && n > 0)),
      steps: number('steps', whole),
    }
  }

  private readonly opener: Open = async (path, mode) => {
    const stream = await this.ws.files.stream(path, mode)
    return {
      read: () => stream.read(),
      write: s => stream.write(new TextEncoder().encode(s)),
      close: async () => stream.close(),
    }
  }

  private async start(): Promise<void> {
    if (this.stopper) return
    const trees = this.offered().flatMap(i => (i.checked ? [i.value] : []))
    let settings: Settings
    try {
      settings = this.settings()
      if (trees.length < 2) throw new Error('Tick two trees, or more.')
    } catch (err) {
      this.said.textContent = message(err)
      return
    }
    const stopper = new AbortController()
    this.stopper = stopper
    this.go.disabled = true
    this.halt.disabled = false
    this.said.textContent = 'running'
    const run: Run = { settings, sides: trees.map(tree => ({ tree, tokens: [] })), deltas: new Map() }
    await this.show(run)
    try {
      const done = await compare(this.opener, trees, settings, this.all.checked, {
        signal: stopper.signal,
        tokens: (side, n) => {
          run.sides[n] = side
          this.update()
        },
        logits: (pos, deltas) => {
          run.deltas.set(pos, deltas)
          this.update()
        },
      })
      if (this.run === run) await this.show(done, stopper.signal.aborted ? 'stopped' : '')
    } catch (err) {
      this.said.textContent = message(err)
    } finally {
      this.stopper = undefined
      this.go.disabled = false
      this.halt.disabled = true
    }
  }

  /** Shows a run from its beginning. */
  private async show(run: Run, note = ''): Promise<void> {
    this.run = run
    this.logits.clear()
    const { probe } = this
    this.probe = undefined
    void probe?.then(
      p => p.close(),
      () => undefined,
    )
    this.current = undefined
    this.detail.hidden = true
    this.made = 0
    this.rows.replaceChildren()
    this.head.replaceChildren(
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, '#'),
        ...run.sides.map(({ tree }, n) => {
          const th = h('th', { scope: 'col' }, tree)
          th.style.color = colorOf(n)
          return th
        }),
      ),
    )
    this.update()
    const ended = run.sides.some(s => s.rate !== undefined) || run.deltas.size > 0
    if (ended || note !== '')
      this.said.replaceChildren(
        ...[...(note === '' ? [] : [note]), ...speeds(run), ...verdict(run).lines].map((line, i, lines) =>
          h('div', { class: i >= lines.length - (run.deltas.size > 0 ? 2 : 1) ? 'cmp-verdict' : '' }, line),
        ),
      )
    this.vocabs = run.sides.map(s => new Vocab(undefined, new Map(s.tokens.map(t => [t.id, t.text]))))
  }

  private update(): void {
    if (this.dirty) return
    this.dirty = true
    requestAnimationFrame(() => this.frame())
  }

  /** Draws what has come since. */
  private frame(): void {
    this.dirty = false
    const { run } = this
    if (!run) return
    const most = Math.max(0, ...run.sides.map(s => s.tokens.length))
    const least = Math.min(...run.sides.map(s => s.tokens.length))
    const at = differ({ ...run, sides: run.sides.map(s => ({ ...s, tokens: s.tokens.slice(0, least) })) })
    const table = this.rows.parentElement!.parentElement!
    const follow = table.scrollTop + table.clientHeight > table.scrollHeight - 40
    // Rows that not every side had reached are made anew.
    for (let i = this.made; i < most; i++) {
      const row = this.row(run, i)
      const old = this.rows.children[i]
      if (old) old.replaceWith(row)
      else this.rows.append(row)
    }
    while (this.rows.childElementCount > most) this.rows.lastElementChild!.remove()
    this.made = least
    const ended = this.stopper === undefined
    const first = at ?? (ended ? differ(run) : undefined)
    this.rows.querySelector('.first')?.classList.remove('first')
    if (first !== undefined) this.rows.children[first]?.classList.add('first')
    if (follow && !ended) table.scrollTop = table.scrollHeight
    const others = run.sides.slice(1)
    const points = [...run.deltas].sort(([a], [b]) => a - b)
    this.deltas.set(
      points.length < POINTS
        ? []
        : others.map(({ tree }, n) => ({
            label: tree,
            x: points.map(([pos]) => pos),
            y: points.map(([, d]) => d[n]?.max ?? Number.NaN),
          })),
    )
    const speeds = run.sides.map(({ tree, tokens }) => ({ label: tree, ...rates(tokens) }))
    this.speed.set(speeds.every(s => s.x.length < POINTS) ? [] : speeds)
  }

  private row(run: Run, i: number): HTMLElement {
    const ids = new Set(run.sides.map(s => s.tokens[i]?.id))
    const whole = run.sides.every(s => s.tokens[i])
    const tr = h('tr', { tabindex: i === 0 ? '0' : '-1', 'data-pos': String(i + 1) })
    if (ids.size > 1 && (whole || this.stopper === undefined)) tr.classList.add('differs')
    tr.append(
      h('th', { scope: 'row' }, String(i + 1)),
      ...run.sides.map(({ tokens: { [i]: t } }) => {
        const td = h('td', t ? { title: `${t.id}, ${percent(Math.exp(t.logprob))}` } : {}, t ? visible(t.text) : '')
        return td
      }),
    )
    return tr
  }

  private key(ev: KeyboardEvent): void {
    const row = ev.target instanceof Element ? ev.target.closest('tr') : null
    if (!row || ev.ctrlKey || ev.altKey || ev.metaKey) return
    const rows = this.rows.children
    const at = Number(row.dataset['pos']) - 1
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[ev.key]
    if (to === undefined) return
    ev.preventDefault()
    const next = rows[to] as HTMLElement | undefined
    if (!next) return
    row.tabIndex = -1
    next.tabIndex = 0
    next.focus()
  }

  private look(target: EventTarget | null): void {
    const row = target instanceof Element ? target.closest('tr') : null
    if (!row || row === this.current) return
    this.current?.classList.remove('looked')
    row.classList.add('looked')
    this.current = row
    clearTimeout(this.dwell)
    const pos = Number(row.dataset['pos'])
    this.tell(pos)
    this.dwell = setTimeout(() => void this.fetch(pos), DWELL)
  }

  /** What is known of a position. */
  private tell(pos: number): void {
    const { run } = this
    if (!run) return
    const all = this.logits.get(pos)
    const deltas = run.deltas.get(pos)
    this.detail.hidden = false
    this.detail.replaceChildren(
      ...run.sides.map((side, n) => {
        const t = side.tokens[pos - 1]
        const name = h('div', { class: 'cmp-tree' }, side.tree)
        name.style.color = colorOf(n)
        const d = deltas?.[n - 1]
        const lines = [
          t ? `${pos}: ${t.id} ${JSON.stringify(t.text)}` : `${pos}: end`,
          t && t.logprob !== 0 ? `probability ${percent(Math.exp(t.logprob))}` : t ? 'of the prompt' : '',
          d ? (d.same ? 'logits bit-identical' : `logits max |Δ| ${d.max.toExponential(2)}`) : '',
        ]
        const list = h('ol', { 'aria-label': `The likeliest of ${side.tree}` })
        const vocab = this.vocabs[n]
        for (const { id, p } of all?.[n] ? top(all[n]) : [])
          list.append(
            h(
              'li',
              id === t?.id ? { class: 'taken' } : {},
              h('span', {}, percent(p)),
              h('span', {}, String(id)),
              h('b', {}, visible(vocab?.text(id) ?? '')),
            ),
          )
        return h('div', {}, name, ...lines.filter(l => l !== '').map(l => h('div', {}, l)), list)
      }),
    )
  }

  /** Gets the logits of a position, where the trees are there still. */
  private fetch(pos: number): Promise<unknown> {
    const { run } = this
    const over = () => this.run !== run || Number(this.current?.dataset['pos']) !== pos
    this.probing = this.probing.then(async () => {
      if (!run || this.stopper || this.logits.has(pos) || over()) return
      try {
        const trees = run.sides.map(s => s.tree)
        this.probe ??= this.openProbe(trees, run)
        const logits = await (await this.probe).at(pos)
        if (this.run !== run) return
        this.logits.set(pos, logits)
        if (!over()) this.tell(pos)
      } catch (err) {
        this.probe = undefined
        if (!over()) this.detail.append(h('div', { class: 'cmp-why' }, message(err)))
      }
    })
    return this.probing
  }

  private async openProbe(trees: string[], run: Run): Promise<Probe> {
    const probe = await Probe.open(this.opener, trees, run.settings)
    this.vocabs = await Promise.all(
      run.sides.map(async ({ tree, tokens }) => {
        const { files } = this.ws
        const seen = new Map(tokens.map(t => [t.id, t.text]))
        try {
          const [, , name] = tokenize((await files.text(`${tree}/ctl`)).trim())
          const [, size] = /^vocab_size (\d+)$/m.exec(await files.text(`${tree}/model`))!
          return new Vocab(new Tokenizer(await files.read(name!), Number(size)), seen)
        } catch {
          // It may be in the name space of another machine.
          return new Vocab(undefined, seen)
        }
      }),
    )
    return probe
  }

  private async listSaved(): Promise<void> {
    const dirs = await this.ws.files.list(HOME).catch(() => [])
    const names = dirs.flatMap(d => (d.name.endsWith('.cmp') ? [d.name] : [])).sort()
    this.saved.replaceChildren(
      h('option', { value: '' }, 'Open…'),
      ...names.map(name => h('option', { value: `${HOME}/${name}` }, name)),
    )
  }

  private async open(path: string): Promise<void> {
    this.saved.selectedIndex = 0
    if (path === '' || this.stopper) return
    try {
      const run = parse(await this.ws.files.text(path))
      const { prompt, temp, topp, seed, steps } = run.settings
      this.prompt.value = prompt
      for (const [name, value] of Object.entries({ temp, topp, seed, steps }))
        this.fields[name as keyof CompareView['fields']].value = String(value)
      await this.show(run)
    } catch (err) {
      this.ws.notices.error(`${path}: ${message(err)}`)
    }
  }

  private async save(): Promise<void> {
    if (!this.run || this.stopper) return this.ws.notices.say('There is no run to be saved yet.')
    try {
      const file = new File([format(this.run)], 'run.cmp')
      const name = await this.ws.files.put(HOME, file, () => undefined)
      this.ws.notices.say(`${HOME}/${name}`)
      this.ws.filesChanged()
    } catch (err) {
      this.ws.notices.error(message(err))
    }
  }

  private async copy(): Promise<void> {
    const { run } = this
    if (!run) return this.ws.notices.say('There is no run to be copied yet.')
    try {
      await navigator.clipboard.writeText(`${table(run)}${[...speeds(run), ...verdict(run).lines].join('\n')}\n`)
      this.ws.notices.say('copied')
    } catch (err) {
      this.ws.notices.error(message(err))
    }
  }
}
