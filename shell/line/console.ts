import { Eintr, PlanError } from '../../plan9/error.ts'
import type { ConsDriver } from '../../plan9/kernel/sys.ts'
import { compose } from './compose.ts'
import { type Key, Keys } from './keys.ts'
import { width } from './width.ts'

/** What to put in place of the characters from `start` to the cursor, and what else would fit. */
export interface Completion {
  /** In characters of the line. */
  start: number
  text: string
  /** Names to show when `text` brings nothing new. */
  options: string[]
}

export interface ConsoleOptions {
  /** Bytes for the terminal. Resolves when more can be taken. */
  output(data: Uint8Array): void | Promise<void>
  /** DEL was typed. */
  interrupt(): void
  /** Completes the word before the cursor; the line is given as characters. */
  complete?(line: string, cursor: number): Promise<Completion | undefined>
  cols?: number
  rows?: number
  /** The terminal gives emoji two columns, as most do; xterm.js gives them one. Default false. */
  emoji?: boolean
  /** A resized terminal wraps the cursor's line anew, as most do; xterm.js does not. Default false. */
  reflows?: boolean
}

const utf8 = new TextEncoder()
const HISTORY = 500
/** What a terminal sends for the compose key by itself, if it does. */
export const COMPOSE = '\x1b[57443u'
/** Milliseconds after which an ESC is no longer the beginning of a sequence. */
const ESCAPE = 50
/** Characters of the output's last line that are kept, to be written again with the line that is being typed. */
const TAIL = 1024
/** Escape sequences: CSI, OSC, and those of two characters. */
const sequence = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^-~])/g
const unfinished = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?$/

/** Has the terminal mark what is pasted, so that nothing in it is taken for a key. */
const PASTE_ON = '\x1b[?2004h'
const PASTE_OFF = '\x1b[?2004l'

/** A character as it is shown: control characters as ^X, and no terminal gets to see the others of them. */
function glyph(ch: string): string {
  if (ch < ' ' || ch === '\x7f') return `^${String.fromCharCode(ch.charCodeAt(0) ^ 64)}`
  return ch >= '\x80' && ch < '\xa0' ? '\ufffd' : ch
}

/**
 * A console's line discipline and line editor, between a terminal of the xterm kind and cons(3).
 *
 * Cooked, as on Plan 9: what is typed is echoed and can be edited until Enter releases the line to whoever reads; DEL throws
 * it away and interrupts, ^D releases what there is (nothing: an end of file), ^U kills the line, ^W a word, ^H a character,
 * ^F or Insert completes a name; ESC begins and ends hold mode, in which nothing is released, and after the compose key
 * characters make others (compose.ts). Raw, after `rawon`: every character is released as it comes, without an echo; output is as before.
 *
 * Comfort, ours, on until `comfort off` is written to consctl: ^C is DEL, Tab is ^F, the arrows bring back earlier lines and
 * move, ^R searches them, ^A ^E Home End ^K and ^L do what they do elsewhere; hints are shown.
 *
 * The line typed may take several rows. It knows where on the screen it began because it sees all output; output that comes
 * meanwhile goes above, and the line is written again below it.
 */
export class Console implements ConsDriver {
  private readonly o: ConsoleOptions
  private readonly keys = new Keys()
  private cols: number
  private raw = false
  private comfort = true
  private hinted = false

  /** The line being typed, a character each, and where in it the cursor is. */
  private line: string[] = []
  private cursor = 0
  /** The output's last line, which is often a prompt, and the column that it ends at; `cols` is the edge, still undecided. */
  private tail = ''
  private column = 0
  /** An escape sequence of the output that is not whole yet. */
  private escape = ''
  private readonly decoder = new TextDecoder()

  /** Lines released and not read yet; an empty one is an end of file. */
  private released: Uint8Array[] = []
  private readers: (() => void)[] = []

  private history: string[] = []
  /** Where in the history the line is from; its length for one that is new. */
  private at = 0
  private draft = ''
  /** The completion under way, for which keys wait. */
  private completing: object | undefined
  private waiting: Key[] = []
  /** Hold mode: what has been entered in it, not released yet. */
  private held: Uint8Array[] | undefined
  /** After the compose key: what was typed since. */
  private composed: string | undefined
  /** A search of the history: for what, where it has got to, and the line before it. */
  private search: { query: string; at: number; before: string[] } | undefined
  private escapeTimer: unknown
  /** The terminal has been told to mark what is pasted. */
  private marks = false

  constructor(o: ConsoleOptions) {
    this.o = o
    this.cols = o.cols || 80
  }

  // ---- to and from the kernel

  async read(n: number, signal: AbortSignal): Promise<Uint8Array> {
    if (!this.raw) this.markPastes(true)
    while (this.released.length === 0) await this.wait(signal)
    const data = this.released.shift()!
    if (data.length > n) this.released.unshift(data.subarray(n))
    return data.subarray(0, n)
  }

  private wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new PlanError(Eintr))
      const done = () => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.readers = this.readers.filter(r => r !== done)
        reject(new PlanError(Eintr))
      }
      this.readers.push(done)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  private release(data: Uint8Array): void {
    this.released.push(data)
    for (const wake of this.readers.splice(0)) wake()
  }

  write(data: Uint8Array): void | Promise<void> {
    const text = this.decoder.decode(data, { stream: true })
    if (text === '') return
    const shown = this.line.length > 0 && !this.raw
    const erase = shown ? this.erase() : ''
    const out = text.replace(/\r?\n/g, '\r\n')
    this.track(out)
    return this.put(erase + out + (shown ? this.redraw() : ''))
  }

  ctl(msg: string): void {
    if (msg === 'rawon' && !this.raw) {
      if (this.line.length > 0) this.release(utf8.encode(this.line.join('')))
      this.holdoff()
      this.clear()
      this.raw = true
      this.markPastes(false)
    } else if (msg === 'rawoff') this.raw = false
    else if (msg === 'holdon') this.holdon()
    else if (msg === 'holdoff') this.holdoff()
    else if (msg === 'comfort on') this.comfort = true
    else if (msg === 'comfort off') this.comfort = false
    else if (msg.startsWith('hint ') && this.comfort) this.hint(msg.slice(5))
  }

  private holdon(): void {
    if (this.held !== undefined || this.raw) return
    this.held = []
    if (this.comfort) this.hint('hold: what is typed is read when ESC is typed again')
  }

  private holdoff(): void {
    const held = this.held
    this.held = undefined
    for (const data of held ?? []) this.release(data)
  }

  private hint(text: string): void {
    this.write(utf8.encode(`(${text})\n`))
  }

  /** Leaves the terminal as it was. */
  close(): void {
    this.markPastes(false)
  }

  private markPastes(on: boolean): void {
    if (this.marks !== on) this.put(on ? PASTE_ON : PASTE_OFF)
    this.marks = on
  }

  // ---- to and from the terminal

  /** What was typed, as a terminal sends it, with BS for the key that erases and DEL (or `ESC [ 3 ~`) for the one that interrupts. */
  input(data: Uint8Array | string): void {
    clearTimeout(this.escapeTimer)
    if (this.raw) {
      this.rawInput(data)
      return
    }
    for (const key of this.keys.push(data)) this.pressed(key)
    if (this.keys.undecided)
      this.escapeTimer = setTimeout(() => {
        if (this.keys.undecided && !this.raw) this.pressed(this.keys.escape())
      }, ESCAPE)
  }

  private pressed(key: Key): void {
    this.waiting.push(key)
    if (this.completing && this.interrupts(key)) {
      this.completing = undefined
      this.waiting = [key]
    }
    this.work()
  }

  /** Gives the waiting keys their effect, until one of them begins a completion. */
  private work(): void {
    while (!this.completing && this.waiting.length > 0) this.key(this.waiting.shift()!)
  }

  private interrupts(key: Key): boolean {
    return key.name === 'DEL' || (this.comfort && key.name === '^C')
  }

  /** A raw console's bytes, as they are, but that Enter is a new line and the key Delete a DEL. */
  private rawInput(data: Uint8Array | string): void {
    if (data === COMPOSE) return
    const rest = this.keys.rest()
    if (rest !== '') this.release(utf8.encode(rest))
    if (data === '\x1b[3~') this.release(utf8.encode('\x7f'))
    else if (typeof data === 'string') this.release(utf8.encode(data.replaceAll('\r', '\n')))
    else this.release(data.map(b => (b === 0x0d ? 0x0a : b)))
  }

  resize(cols: number, _rows: number): void {
    if (cols < 1 || cols === this.cols) return
    // What is on the screen is as it was, or wrapped anew; the cursor is somewhere below the beginning of its line.
    if (this.o.reflows) this.cols = cols
    const above = Math.floor(this.place(this.cursor, this.columns(0, this.tail)) / this.cols)
    this.cols = cols
    this.column = this.edge(this.columns(0, this.tail))
    if (this.line.length === 0 || this.raw) return
    this.put(`${above > 0 ? `\x1b[${above}A` : ''}\r\x1b[J${this.tail}${this.redraw()}`)
  }

  private put(text: string): void | Promise<void> {
    if (text !== '') return this.o.output(utf8.encode(text))
  }

  /** Follows the output's cursor as far as it matters: the column, and the text since the last new line. */
  private track(out: string): void {
    let text = this.escape + out
    this.escape = unfinished.exec(text)?.[0] ?? ''
    if (this.escape.length > TAIL) this.escape = ''
    else text = text.slice(0, text.length - this.escape.length)
    const start = Math.max(
      text.lastIndexOf('\n') + 1,
      text.lastIndexOf('\r') + 1,
      text.lastIndexOf('\x1b[2J') + '\x1b[2J'.length * Number(text.includes('\x1b[2J')),
      text.lastIndexOf('\x1bc') + '\x1bc'.length * Number(text.includes('\x1bc')),
    )
    if (start > 0) {
      this.tail = ''
      this.column = 0
      text = text.slice(start)
    }
    this.tail = (this.tail + text).slice(-TAIL)
    this.column = this.edge(this.columns(this.column, text))
  }

  /** The column that output gets to from `column`, counted on from row to row. */
  private columns(column: number, text: string): number {
    for (const ch of text.replace(sequence, '')) {
      if (ch === '\b') column = Math.max(0, column - 1)
      else if (ch === '\t') {
        const row = column - (column % this.cols)
        column = row + Math.min(this.cols - 1, (Math.floor((column - row) / 8) + 1) * 8)
      } else if (ch >= ' ') column = this.advance(column, ch)
    }
    return column
  }

  /** Such a count as a column of its row. A full row is at its edge: the terminal goes on to the next with the next character. */
  private edge(column: number): number {
    return column > 0 && column % this.cols === 0 ? this.cols : column % this.cols
  }

  /** The column after `ch` at `column`, counted on from row to row: a wide character that does not fit begins the next. */
  private advance(column: number, ch: string): number {
    for (const g of glyph(ch)) {
      const w = width(g, this.o.emoji)
      const left = this.cols - (column % this.cols)
      column += w > left ? left + w : w
    }
    return column
  }

  /** Where the first n characters of the line end, in columns counted on from the row where it begins. */
  private place(n: number, from = this.column): number {
    let p = from
    for (let i = 0; i < n; i++) p = this.advance(p, this.line[i]!)
    return p
  }

  /** From one place of the line's rows to another. */
  private move(from: number, to: number): string {
    const rows = Math.floor(to / this.cols) - Math.floor(from / this.cols)
    const vertical = rows < 0 ? `\x1b[${-rows}A` : rows > 0 ? `\x1b[${rows}B` : ''
    const column = to % this.cols
    return `${vertical}\r${column > 0 ? `\x1b[${column}C` : ''}`
  }

  /** Takes the line off the screen; the cursor is then where it began. */
  private erase(): string {
    return `${this.move(this.place(this.cursor), this.column)}\x1b[J`
  }

  /** Writes the line, from where it begins, and puts the cursor into it. */
  private redraw(): string {
    if (this.line.length === 0) return ''
    const end = this.place(this.line.length)
    // A full row leaves the terminal undecided where it is: go on to the next one, as a character too many would, so that
    // the terminal knows that they are one line.
    const full = end % this.cols === 0 ? ' \r' : ''
    return this.show(this.line) + full + this.move(end, this.place(this.cursor))
  }

  private show(chars: string[]): string {
    return chars.map(glyph).join('')
  }

  /** Changes the line and shows it. */
  private edit(change: () => void): void {
    if (this.column === this.cols) {
      this.put(' \r')
      this.column = 0
    }
    const erase = this.erase()
    change()
    this.put(erase + this.redraw())
  }

  private clear(): void {
    this.search = undefined
    this.composed = undefined
    this.line = []
    this.cursor = 0
    this.at = this.history.length
    this.draft = ''
  }

  /** The cursor goes on below the line, which is done. */
  private newline(): void {
    const end = this.place(this.line.length)
    const full = this.line.length > 0 && end % this.cols === 0
    this.put(this.move(this.place(this.cursor), end) + (full ? '\x1b[K' : '\r\n'))
    this.track('\n')
  }

  // ---- keys

  private key(key: Key): void {
    if (this.raw) {
      this.release(utf8.encode(key.raw))
      return
    }
    if (this.search && this.searching(key)) return
    if (key.name === 'paste') {
      this.paste(key.text)
      return
    }
    if (key.name === 'compose') {
      this.composed = ''
      this.compose(key.text)
      return
    }
    if (this.composed !== undefined) {
      if (key.name === '') this.compose(key.text)
      else this.composed = undefined
      if (key.name === '' || key.name === '^H') return
    }
    const action = this.bound(key.name)
    if (action) action()
    else if (key.text !== '') this.insert([...key.text])
  }

  /** What a key does, besides being typed. */
  private bound(name: string): (() => void) | undefined {
    switch (name) {
      case 'enter':
        return () => this.enter()
      case 'DEL':
        return () => this.interrupt()
      case '^D':
        return () => this.eof()
      case '^U':
        return () =>
          this.edit(() => {
            this.line.splice(0, this.cursor)
            this.cursor = 0
          })
      case '^W':
        return () => this.edit(() => this.drop(this.wordLeft()))
      case '^H':
        return () => this.edit(() => this.drop(this.left()))
      case '^F':
      case 'insert':
        return () => this.complete()
      case 'ESC':
        return () => (this.held === undefined ? this.holdon() : this.holdoff())
    }
    if (!this.comfort) {
      if (name === 'tab') return () => this.insert(['\t'])
      return name === '' ? undefined : () => {}
    }
    switch (name) {
      case '^C':
        return () => {
          this.interrupt()
          if (this.hinted) return
          this.hinted = true
          this.hint('^C does what DEL does on Plan 9: it interrupts')
        }
      case 'tab':
        // At the beginning of a line, as in the text of a here document, there is nothing to complete.
        return () =>
          this.line.slice(0, this.cursor).every(ch => /\s/.test(ch)) ? this.insert(['\t']) : this.complete()
      case 'up':
      case '^P':
        return () => this.recall(-1)
      case 'down':
      case '^N':
        return () => this.recall(1)
      case 'left':
        return () => this.go(this.left())
      case 'right':
        return () => this.go(this.right())
      case 'home':
      case '^A':
        return () => this.go(0)
      case 'end':
      case '^E':
        return () => this.go(this.line.length)
      case 'wordleft':
        return () => this.go(this.wordLeft())
      case 'wordright':
        return () => this.go(this.wordRight())
      case '^K':
        return () => this.edit(() => this.line.splice(this.cursor))
      case '^R':
        return () => {
          this.search = { query: '', at: this.history.length, before: this.line }
          this.found(this.history.length)
        }
      case '^L':
        return () => {
          const { tail } = this
          this.put(`\x1b[H\x1b[2J${tail}`)
          this.put(this.redraw())
        }
    }
    // Other control keys have no meaning here, and are not typed.
    return name === '' ? undefined : () => {}
  }

  /** A character after the compose key. */
  private compose(ch: string): void {
    this.composed += ch
    const made = compose(this.composed!)
    if (made === undefined) return
    this.composed = undefined
    if (made !== '') this.insert([...made])
  }

  /** Shows what the search has found: the last line before number `before` that holds what is searched for. */
  private found(before: number): void {
    const s = this.search!
    let at = before - 1
    while (at >= 0 && !this.history[at]!.includes(s.query)) at--
    if (at >= 0 && s.query !== '') s.at = at
    const line = s.query === '' ? '' : at >= 0 || this.history[s.at]?.includes(s.query) ? this.history[s.at]! : ''
    this.edit(() => {
      this.line = [...`(search ${s.query}) ${line}`]
      this.cursor = this.line.length
    })
  }

  /** A key while the history is searched; false when it ends the search and is still to have its effect. */
  private searching(key: Key): boolean {
    const s = this.search!
    if (key.name === '^R') {
      this.found(s.at)
      return true
    }
    if (key.name === '' || key.name === '^H') {
      s.query = key.name === '' ? s.query + key.text : [...s.query].slice(0, -1).join('')
      this.found(this.history.length)
      return true
    }
    this.search = undefined
    const found = key.name !== 'ESC' && s.query !== '' ? this.history[s.at] : undefined
    this.edit(() => {
      this.line = found === undefined ? s.before : [...found]
      this.cursor = this.line.length
      if (found !== undefined) this.at = s.at
    })
    return key.name === 'ESC'
  }

  private insert(chars: string[]): void {
    // A mark needs a character before it: at the beginning that would be the prompt's.
    while (this.cursor === 0 && chars.length > 0 && width(chars[0]!) === 0) chars = chars.slice(1)
    if (chars.length === 0) return
    if (this.cursor === this.line.length && chars.length === 1 && width(chars[0]!) > 0) {
      // At the end of a row nothing but the character itself has to be drawn.
      const before = this.place(this.line.length)
      this.line.push(chars[0]!)
      this.cursor++
      const after = this.place(this.line.length)
      const [a, b] = [Math.floor(before / this.cols), Math.floor(after / this.cols)]
      if (a === b) {
        this.put(this.show(chars))
        return
      }
      this.put(this.move(before, this.column) + this.redraw())
      return
    }
    this.edit(() => {
      this.line.splice(this.cursor, 0, ...chars)
      this.cursor += chars.length
    })
  }

  /** Text from the clipboard: no key in it has a meaning but the end of a line. */
  private paste(text: string): void {
    const lines = text.replace(/\r\n?/g, '\n').split('\n')
    lines.forEach((part, i) => {
      if (part !== '') this.insert([...part])
      if (i + 1 < lines.length) this.enter()
    })
  }

  private enter(): void {
    const text = this.line.join('')
    this.newline()
    if (text.trim() !== '' && this.history.at(-1) !== text) this.history.push(text)
    if (this.history.length > HISTORY) this.history.shift()
    this.clear()
    this.give(utf8.encode(`${text}\n`))
  }

  /** Releases what has been typed, or holds it. */
  private give(data: Uint8Array): void {
    if (this.held === undefined) this.release(data)
    else this.held.push(data)
  }

  private interrupt(): void {
    if (this.line.length > 0 || this.column > 0) this.newline()
    this.clear()
    this.released = []
    this.held = undefined
    this.o.interrupt()
  }

  private eof(): void {
    const text = this.line.join('')
    if (text !== '') {
      // What was typed stays on the screen; what comes next goes behind it.
      this.put(this.move(this.place(this.cursor), this.place(this.line.length)))
      this.track(this.show(this.line))
    }
    this.clear()
    this.give(utf8.encode(text))
  }

  private go(to: number): void {
    const cursor = Math.max(0, Math.min(this.line.length, to))
    if (cursor === this.cursor) return
    this.put(this.move(this.place(this.cursor), this.place(cursor)))
    this.cursor = cursor
  }

  /** Takes out what is between `from` and the cursor. */
  private drop(from: number): void {
    this.line.splice(from, this.cursor - from)
    this.cursor = from
  }

  /** One character to the left, with the marks that combine with it. */
  private left(): number {
    let i = this.cursor - 1
    while (i > 0 && width(this.line[i]!) === 0) i--
    return Math.max(0, i)
  }

  private right(): number {
    let i = this.cursor + 1
    while (i < this.line.length && width(this.line[i]!) === 0) i++
    return i
  }

  private wordLeft(): number {
    let i = this.cursor
    while (i > 0 && !/[\p{L}\p{M}\p{N}_]/u.test(this.line[i - 1]!)) i--
    while (i > 0 && /[\p{L}\p{M}\p{N}_]/u.test(this.line[i - 1]!)) i--
    return i
  }

  private wordRight(): number {
    let i = this.cursor
    while (i < this.line.length && !/[\p{L}\p{M}\p{N}_]/u.test(this.line[i]!)) i++
    while (i < this.line.length && /[\p{L}\p{M}\p{N}_]/u.test(this.line[i]!)) i++
    return i
  }

  private recall(step: number): void {
    const to = this.at + step
    if (to < 0 || to > this.history.length) return
    if (this.at === this.history.length) this.draft = this.line.join('')
    this.edit(() => {
      this.at = to
      this.line = [...(this.history[to] ?? this.draft)]
      this.cursor = this.line.length
    })
  }

  private complete(): void {
    const { complete } = this.o
    if (!complete) return
    const { line, cursor } = this
    const mine = {}
    this.completing = mine
    const settle = (found: Completion | undefined) => {
      if (this.completing !== mine) return
      this.completing = undefined
      // Raw input may have begun meanwhile.
      if (found && this.line === line) this.completed(found, cursor)
      this.work()
    }
    complete(line.join(''), cursor).then(settle, () => settle(undefined))
  }

  private completed(found: Completion, cursor: number): void {
    const old = this.line.slice(found.start, cursor).join('')
    if (found.text !== old) {
      this.edit(() => {
        this.line.splice(found.start, cursor - found.start, ...found.text)
        this.cursor = found.start + [...found.text].length
      })
    } else if (found.options.length > 1) this.list(found.options)
  }

  /** Shows names in columns above the line. */
  private list(options: string[]): void {
    const names = options.map(name => this.show([...name]))
    const columns = (name: string) => [...name].reduce((n, ch) => n + width(ch, this.o.emoji), 0)
    const { tail } = this
    const size = 2 + Math.max(...names.map(columns))
    const perRow = Math.max(1, Math.floor(this.cols / size))
    const rows = Math.ceil(names.length / perRow)
    let text = ''
    for (let r = 0; r < rows; r++) {
      let row = ''
      for (let i = r; i < names.length; i += rows) row += names[i]! + ' '.repeat(size - columns(names[i]!))
      text += `${row.trimEnd()}\r\n`
    }
    const cursor = this.place(this.cursor)
    const end = this.place(this.line.length)
    this.put(`${this.move(cursor, end)}\r\n${text}${tail}${this.redraw()}`)
  }
}
