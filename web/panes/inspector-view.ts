import { NOFID, OREAD } from '../../plan9/9p/const.ts'
import { names } from '../../plan9/9p/fmt.ts'
import { pcap } from '../../plan9/9p/pcap.ts'
import { type Exchange, History, messages, Records, seenfmt, tracefmt } from '../../plan9/9p/trace.ts'
import { h } from '../dom.ts'
import type { Stream } from '../files.ts'
import type { Workspace } from './pane.ts'

const DATA = '/dev/9pdata'
/** Pixels of a row, as the style sheet has it. */
const ROW = 20
/** Rows beyond what is seen, each way. */
const MORE = 8
/** Milliseconds in which the page is to draw a frame: what takes longer goes on in the next. */
const SLICE = 8
/** Characters of a message that a row has, and that the detail has. */
const SHORT = 300
const LONG = 8000
const RERROR = 107
/** Connections of which this kernel is the server for somebody outside. */
const OUTSIDE = /^(page|export|exportfs)</

const message = (err: unknown) => (err instanceof Error ? err.message : String(err))
const micro = (us: number) =>
  us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1e3).toFixed(1)} ms` : `${(us / 1e6).toFixed(1)} s`

function clock(at: number): string {
  const d = new Date(at / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const us = String(Math.floor(at % 1e6)).padStart(6, '0')
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${us}`
}

/** A message in words, of so many bytes at most. */
function words(msg: Uint8Array | undefined, most: number): string {
  if (!msg) return ''
  // Rread and Twrite carry data that nobody reads whole in a row.
  const text = seenfmt(msg.length > most * 2 ? cut(msg, most) : msg)
  return text.length > most ? `${text.slice(0, most)}…` : text
}

/** The same message with less data, where it is one that carries data. */
function cut(msg: Uint8Array, n: number): Uint8Array {
  const at = msg[4] === 117 ? 7 : msg[4] === 118 ? 19 : 0
  if (at === 0) return msg
  const b = msg.slice(0, at + 4 + n)
  const v = new DataView(b.buffer)
  v.setUint32(0, b.length, true)
  v.setUint32(at, n, true)
  return b
}

interface Filter {
  conn: string
  type: string
  fid: number | undefined
  text: string
  both: boolean
}

/** The fids that a request names. */
function fids(t: Uint8Array): number[] {
  const type = t[4]!
  if (type === 100 || type === 108 || t.length < 11) return []
  const v = new DataView(t.buffer, t.byteOffset, t.length)
  const all = [v.getUint32(7, true)]
  if (type === 110 && t.length >= 15) all.push(v.getUint32(11, true))
  return all.filter(f => f !== NOFID)
}

function matches({ conn, t, r }: Exchange, f: Filter): boolean {
  if (f.conn !== '' ? conn !== f.conn : !f.both && conn.endsWith('<') && !OUTSIDE.test(conn)) return false
  const type = names[(t ?? r)![4]!] ?? ''
  if (f.type !== '' && type !== f.type && !(f.type === 'Rerror' && r?.[4] === RERROR)) return false
  if (f.fid !== undefined && !(t && fids(t).includes(f.fid))) return false
  return f.text === '' || `${words(t, LONG)}\n${words(r, LONG)}`.toLowerCase().includes(f.text)
}

export class InspectorView {
  private readonly ws: Workspace
  private readonly busy: (busy: boolean) => void
  private readonly history = new History()
  private readonly conn = h('select', { 'aria-label': 'Connection' }, h('option', { value: '' }, 'all connections'))
  private readonly type = h('select', { 'aria-label': 'Type' }, h('option', { value: '' }, 'all types'))
  private readonly fid = h('input', {
    type: 'number',
    min: '0',
    'aria-label': 'Fid',
    placeholder: 'fid',
    style: 'width:5em',
  })
  private readonly text = h('input', { type: 'search', 'aria-label': 'Text', placeholder: 'text' })
  private readonly both = h('input', { type: 'checkbox' })
  private readonly record = h('button', { type: 'button', class: 'tool', 'aria-pressed': 'false' }, 'Record')
  private readonly count = h('span', { role: 'status' })
  private readonly list = h('div', {
    class: 'tap-list',
    role: 'listbox',
    tabindex: '0',
    'aria-label': 'Messages',
  })
  private readonly room = h('div')
  private readonly detail = h('pre', { class: 'tap-detail', hidden: '', tabindex: '0', 'aria-label': 'Message' })
  private readonly page = h('button', { type: 'button', class: 'tool', disabled: '' }, 'Manual')
  private readonly known = new Set<string>()
  private shownRows: Exchange[] = []
  /** Exchanges that were looked at for `shownRows`. */
  private looked = 0
  private filter: Filter = { conn: '', type: '', fid: undefined, text: '', both: false }
  private picked: Exchange | undefined
  private stream: Stream | undefined
  private due = false
  private follow = true
  private began = false

  constructor(body: HTMLElement, tools: HTMLElement, ws: Workspace, busy: (busy: boolean) => void) {
    this.ws = ws
    this.busy = busy
    for (const [n, name] of Object.entries(names))
      if (Number(n) % 2 === 0 || name === 'Rerror') this.type.append(h('option', { value: name }, name))
    const button = (text: string, title: string, go: () => void) => {
      const b = h('button', { type: 'button', class: 'tool', title }, text)
      b.addEventListener('click', go)
      return b
    }
    this.record.title = 'Have every message be kept; without it nothing is looked at'
    this.record.addEventListener('click', () => void (this.stream ? this.stop() : this.start()))
    this.page.title = 'Show the page of the manual on this type'
    this.page.addEventListener('click', () => {
      const msg = this.picked?.t ?? this.picked?.r
      const name = msg && names[msg[4]!]
      if (name) ws.type(`man 5 ${name.slice(1)}\n`)
    })
    tools.append(
      this.record,
      button('Clear', 'Forget what was recorded', () => this.clear()),
      this.page,
      button('Save .pcap', 'What is listed, for Wireshark', () => this.save('9p.pcap', pcap(messages(this.shownRows)))),
      button('Save .trace', 'What is listed, a line for each message', () =>
        this.save('9p.trace', new TextEncoder().encode(tracefmt(this.shownRows))),
      ),
    )
    const refilter = () => this.refilter()
    for (const el of [this.conn, this.type, this.both]) el.addEventListener('change', refilter)
    for (const el of [this.fid, this.text]) el.addEventListener('input', refilter)
    this.list.append(this.room)
    this.list.addEventListener('scroll', () => {
      this.follow = this.list.scrollTop + this.list.clientHeight > this.list.scrollHeight - ROW
      this.update()
    })
    this.list.addEventListener('click', ev => {
      const row = ev.target instanceof Element ? ev.target.closest<HTMLElement>('.tap-row') : null
      if (row) this.pick(Number(row.dataset['n']))
    })
    this.list.addEventListener('keydown', ev => this.key(ev))
    new ResizeObserver(() => this.update()).observe(this.list)
    body.append(
      h(
        'div',
        { class: 'tap-form', role: 'search' },
        this.conn,
        this.type,
        this.fid,
        this.text,
        h('label', { title: 'Also at the servers, where those are in this system too' }, this.both, 'both ends'),
        this.count,
      ),
      this.list,
      this.detail,
    )
  }

  focus(): void {
    this.list.focus()
  }

  shown(): void {
    if (!this.began) void this.start()
    this.update()
  }

  private async start(): Promise<void> {
    this.began = true
    let stream: Stream
    try {
      stream = await this.ws.aside.stream(DATA, OREAD)
    } catch (err) {
      this.ws.notices.error(`${DATA}: ${message(err)}`)
      return
    }
    this.stream = stream
    this.record.setAttribute('aria-pressed', 'true')
    this.busy(true)
    const records = new Records()
    try {
      while (this.stream === stream) {
        const b = await stream.read()
        if (b.length === 0 || this.stream !== stream) break
        let until = performance.now() + SLICE
        for (const [i, seen] of records.push(b).entries()) {
          if (!this.known.has(seen.conn)) this.learn(seen.conn)
          this.history.add(seen)
          if ((i & 255) === 255 && performance.now() > until) {
            await new Promise(resolve => setTimeout(resolve))
            until = performance.now() + SLICE
          }
        }
        this.update()
      }
    } catch {
      // The kernel's shell was replaced, or it was stopped here.
    }
    if (this.stream === stream) this.stop()
  }

  private stop(): void {
    this.stream?.close()
    this.stream = undefined
    this.record.setAttribute('aria-pressed', 'false')
    this.busy(false)
    this.update()
  }

  private learn(conn: string): void {
    this.known.add(conn)
    const option = h('option', { value: conn }, conn.endsWith('<') ? `${conn.slice(0, -1)} (its server)` : conn)
    const after = [...this.conn.options].find(o => o.value > conn)
    this.conn.insertBefore(option, after ?? null)
  }

  private clear(): void {
    this.history.clear()
    this.pick(undefined)
    this.refilter()
  }

  private refilter(): void {
    this.filter = {
      conn: this.conn.value,
      type: this.type.value,
      fid: this.fid.value === '' ? undefined : Number(this.fid.value),
      text: this.text.value.toLowerCase(),
      both: this.both.checked,
    }
    this.shownRows = []
    this.looked = 0
    this.update()
  }

  private update(): void {
    if (this.due) return
    this.due = true
    requestAnimationFrame(() => {
      this.due = false
      this.draw()
    })
  }

  /** Takes in what has come, for as long as a frame allows, and draws what is seen of it. */
  private draw(): void {
    const { exchanges, lost } = this.history
    // What came first has been forgotten: all is counted anew.
    if (this.looked > exchanges.length || (this.shownRows[0] && this.shownRows[0].at < (exchanges[0]?.at ?? 0))) {
      this.shownRows = []
      this.looked = 0
    }
    const until = performance.now() + SLICE
    while (this.looked < exchanges.length) {
      const x = exchanges[this.looked++]!
      if (matches(x, this.filter)) this.shownRows.push(x)
      if ((this.looked & 63) === 0 && performance.now() > until) {
        this.update()
        break
      }
    }
    const total = this.shownRows.length
    this.count.textContent = `${total} of ${exchanges.length}${lost > 0 ? `, ${lost} messages lost` : ''}`
    if (this.list.offsetParent === null) return
    this.room.style.height = `${total * ROW}px`
    if (this.follow) this.list.scrollTop = total * ROW
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW) - MORE)
    const last = Math.min(total, Math.ceil((this.list.scrollTop + this.list.clientHeight) / ROW) + MORE)
    const rows: HTMLElement[] = []
    for (let i = first; i < last; i++) rows.push(this.row(i))
    this.room.replaceChildren(...rows)
  }

  private row(n: number): HTMLElement {
    const x = this.shownRows[n]!
    const row = h(
      'div',
      {
        class: x.r?.[4] === RERROR ? 'tap-row error' : 'tap-row',
        role: 'option',
        id: `tap-${n}`,
        'aria-selected': String(x === this.picked),
        'aria-posinset': String(n + 1),
        'aria-setsize': String(this.shownRows.length),
        'data-n': String(n),
      },
      h('span', {}, clock(x.at)),
      h('span', {}, x.conn),
      h('span', { class: 'num' }, x.took === undefined ? '' : micro(x.took)),
      h('span', {}, words(x.t, SHORT)),
      h('span', {}, words(x.r, SHORT)),
    )
    row.style.top = `${n * ROW}px`
    return row
  }

  private pick(n: number | undefined): void {
    this.picked = n === undefined ? undefined : this.shownRows[n]
    const x = this.picked
    this.detail.hidden = this.page.disabled = x === undefined
    this.list.removeAttribute('aria-activedescendant')
    if (x) {
      this.detail.textContent = [x.t, x.r].flatMap(m => (m ? [words(m, LONG)] : [])).join('\n')
      this.list.setAttribute('aria-activedescendant', `tap-${n}`)
    }
    this.update()
  }

  private key(ev: KeyboardEvent): void {
    if (ev.ctrlKey || ev.altKey || ev.metaKey) return
    const at = this.picked ? this.shownRows.indexOf(this.picked) : this.shownRows.length
    const pagefull = Math.max(1, Math.floor(this.list.clientHeight / ROW) - 1)
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + pagefull,
      PageUp: at - pagefull,
      Home: 0,
      End: this.shownRows.length - 1,
    }
    const to = moves[ev.key]
    if (to === undefined || this.shownRows.length === 0) return
    ev.preventDefault()
    const n = Math.max(0, Math.min(to, this.shownRows.length - 1))
    this.follow = false
    if (n * ROW < this.list.scrollTop) this.list.scrollTop = n * ROW
    else if ((n + 1) * ROW > this.list.scrollTop + this.list.clientHeight)
      this.list.scrollTop = (n + 1) * ROW - this.list.clientHeight
    this.pick(n)
  }

  private save(name: string, bytes: Uint8Array): void {
    if (this.shownRows.length === 0) {
      this.ws.notices.say('There is nothing to be saved yet.')
      return
    }
    const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)]))
    h('a', { href: url, download: name }).click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
}
