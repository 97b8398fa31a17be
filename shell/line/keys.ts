/** A key, or a paste. */
export interface Key {
  /** '' for what is simply typed; `^A`, `enter`, `tab`, `up` and so on. */
  name: string
  /** What it types, when it is typed. */
  text: string
  /** What a program that reads raw gets. */
  raw: string
}

const named: Record<string, string> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'DEL',
}

/** xterm's sequences, after the ESC. */
const sequences: Record<string, string> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  '[H': 'home',
  '[F': 'end',
  '[1~': 'home',
  '[2~': 'insert',
  '[3~': 'DEL',
  '[4~': 'end',
  '[7~': 'home',
  '[8~': 'end',
  '[1;5C': 'wordright',
  '[1;5D': 'wordleft',
  '[1;3C': 'wordright',
  '[1;3D': 'wordleft',
  // Alt by itself, as the kitty keyboard protocol has it: the page sends it when the key is let go.
  '[57443u': 'compose',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  OH: 'home',
  OF: 'end',
  b: 'wordleft',
  f: 'wordright',
}

const PASTE = '\x1b[200~'
const PASTED = '\x1b[201~'

/**
 * Makes keys of what a terminal sends. A character or a sequence may be split between two pushes anywhere; an ESC by itself
 * is told from the beginning of a sequence by what comes next, or by time: `escape`.
 */
export class Keys {
  private readonly decoder = new TextDecoder()
  private pending = '';

  *push(data: Uint8Array | string): Generator<Key> {
    this.pending += typeof data === 'string' ? data : this.decoder.decode(data, { stream: true })
    while (this.pending !== '') {
      const key = this.next()
      if (!key) return
      yield key
    }
  }

  /** An ESC has come and nothing after it. */
  get undecided(): boolean {
    return this.pending === '\x1b'
  }

  /** Takes the undecided ESC for the key. */
  escape(): Key {
    this.pending = ''
    return { name: 'ESC', text: '', raw: '\x1b' }
  }

  /** What has come of a key that is not whole yet; it is taken out. */
  rest(): string {
    const rest = this.pending
    this.pending = ''
    return rest
  }

  /** The next key, or undefined when it is not whole yet. */
  private next(): Key | undefined {
    const s = this.pending
    if (s[0] !== '\x1b') {
      if (s.length === 1 && s >= '\ud800' && s < '\udc00') return undefined
      const ch = String.fromCodePoint(s.codePointAt(0)!)
      this.pending = s.slice(ch.length)
      return this.char(ch)
    }
    if (s.startsWith(PASTE)) {
      const end = s.indexOf(PASTED)
      if (end < 0) return undefined
      this.pending = s.slice(end + PASTED.length)
      const text = s.slice(PASTE.length, end)
      return { name: 'paste', text, raw: text }
    }
    const m = /^\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[^\0-\x1f[O\x7f])/u.exec(s)
    if (m) {
      this.pending = s.slice(m[0].length)
      const sequence = m[0].slice(1)
      // Alt and a character: a compose sequence that begins with it.
      const name = sequences[sequence] ?? (m[0].length === 2 ? 'compose' : 'unknown')
      const text = name === 'compose' && m[0].length === 2 ? sequence : ''
      return { name, text, raw: name === 'DEL' ? '\x7f' : m[0] }
    }
    if (/^\x1b(?:\[[0-?]*[ -/]*|O)?$/.test(s)) return undefined
    this.pending = s.slice(1)
    return { name: 'ESC', text: '', raw: '\x1b' }
  }

  private char(ch: string): Key {
    const name = named[ch]
    if (name !== undefined) return { name, text: '', raw: ch === '\r' ? '\n' : ch }
    if (ch < ' ') return { name: `^${String.fromCharCode(ch.charCodeAt(0) + 64)}`, text: '', raw: ch }
    return { name: '', text: ch, raw: ch }
  }
}
