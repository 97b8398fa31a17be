import headless from '@xterm/headless'
import { expect, test } from 'vitest'
import { Random } from '../../tests/random.ts'
import { type Completion, Console, type ConsoleOptions } from './console.ts'

const never = new AbortController().signal
const bytes = (s: string) => new TextEncoder().encode(s)
const text = (b: Uint8Array) => new TextDecoder().decode(b)

interface Shown {
  rows: string[]
  /** Column and row; a cursor at the edge is on the next row. */
  cursor: [number, number]
}

/** A terminal of xterm's, without a window. */
class Screen {
  readonly terminal: InstanceType<typeof headless.Terminal>

  constructor(cols: number, rows: number) {
    this.terminal = new headless.Terminal({ cols, rows, allowProposedApi: true, scrollback: 1000 })
  }

  write(data: Uint8Array | string): void {
    this.terminal.write(data)
  }

  async shown(): Promise<Shown> {
    await new Promise<void>(resolve => this.terminal.write('', resolve))
    const { active } = this.terminal.buffer
    const rows = Array.from({ length: active.length }, (_, y) => active.getLine(y)!.translateToString(true).trimEnd())
    while (rows.at(-1) === '') rows.pop()
    const y = active.baseY + active.cursorY
    return { rows, cursor: active.cursorX >= this.terminal.cols ? [0, y + 1] : [active.cursorX, y] }
  }
}

async function rendered(cols: number, rows: number, out: string): Promise<Shown> {
  const screen = new Screen(cols, rows)
  screen.write(out)
  return screen.shown()
}

function setup(o: Partial<ConsoleOptions> = {}) {
  const { cols = 40, rows = 12 } = o
  const screen = new Screen(cols, rows)
  let interrupts = 0
  const cons = new Console({
    output: data => screen.write(data),
    interrupt: () => void interrupts++,
    cols,
    rows,
    ...o,
  })
  return {
    cons,
    screen,
    interrupts: () => interrupts,
    type: (s: string) => cons.input(s),
    print: (s: string) => cons.write(bytes(s)),
    rows: async () => (await screen.shown()).rows,
    cursor: async () => (await screen.shown()).cursor,
    read: async (n = 8192) => text(await cons.read(n, never)),
  }
}

/** Polls, for what only time brings. */
async function until(f: () => Promise<boolean>): Promise<void> {
  while (!(await f())) await new Promise(resolve => setTimeout(resolve, 5))
}

const UP = '\x1b[A'
const DOWN = '\x1b[B'
const RIGHT = '\x1b[C'
const LEFT = '\x1b[D'
const HOME = '\x1b[H'
const END = '\x1b[F'

test('a line is echoed, and read when Enter is typed', async () => {
  const c = setup()
  c.print('term% ')
  c.type('echo hi\r')
  expect(await c.read()).toBe('echo hi\n')
  expect(await c.rows()).toEqual(['term% echo hi'])
  expect(await c.cursor()).toEqual([0, 1])
})

test('a read gets one line at most, and what is left of it by the next', async () => {
  const c = setup()
  c.type('abcdef\rgh\r')
  expect(await c.read(4)).toBe('abcd')
  expect(await c.read()).toBe('ef\n')
  expect(await c.read()).toBe('gh\n')
})

test('a read that waits ends by its signal, and the line goes to the next', async () => {
  const c = setup()
  const { signal, abort } = ((a = new AbortController()) => ({ signal: a.signal, abort: () => a.abort() }))()
  const waiting = c.cons.read(100, signal)
  abort()
  await expect(waiting).rejects.toThrow('interrupted')
  await expect(c.cons.read(100, signal)).rejects.toThrow('interrupted')
  c.type('x\r')
  expect(await c.read()).toBe('x\n')
})

test('^H takes a character, ^W a word, ^U the line', async () => {
  const c = setup()
  c.print('% ')
  c.type('one two thrx\x08ee')
  expect(await c.rows()).toEqual(['% one two three'])
  c.type('\x17')
  expect(await c.rows()).toEqual(['% one two'])
  c.type('\x15')
  expect(await c.rows()).toEqual(['%'])
  expect(await c.cursor()).toEqual([2, 0])
  c.type('\x08\x17\x15z\r')
  expect(await c.read()).toBe('z\n')
})

test('^D releases what was typed, and by itself is an end of file', async () => {
  const c = setup()
  c.print('% ')
  c.type('ab\x04')
  expect(await c.read()).toBe('ab')
  c.type('cd\x08\x04')
  expect(await c.read()).toBe('c')
  expect(await c.rows()).toEqual(['% abc'])
  c.type('\x04')
  expect(await c.read()).toBe('')
})

test('DEL throws away the line and what nobody has read yet, and interrupts', async () => {
  const c = setup()
  c.print('% ')
  c.type('first\rsecond')
  c.type('\x7f')
  expect(c.interrupts()).toBe(1)
  c.type('third\r')
  expect(await c.read()).toBe('third\n')
  c.type('gone\x1b[3~')
  expect(c.interrupts()).toBe(2)
  expect(await c.rows()).toEqual(['% first', 'second', 'third', 'gone'])
})

test('^C is DEL, and says so once', async () => {
  const c = setup()
  c.type('a\x03b\x03')
  expect(c.interrupts()).toBe(2)
  const rows = await c.rows()
  expect(rows.filter(row => row.includes('what DEL does'))).toHaveLength(1)
})

test('comfort off: ^C and the arrows do nothing, Tab is typed; ^F and Insert still complete', async () => {
  let asked = 0
  const c = setup({
    complete: async () => {
      asked++
      return undefined
    },
  })
  c.cons.ctl('comfort off')
  c.type('old\r')
  await c.read()
  c.type(`${UP}${LEFT}\t\x03x\x01y`)
  expect([asked, c.interrupts()]).toEqual([0, 0])
  c.type('\r')
  expect(await c.read()).toBe('\txy\n')
  c.type('\x06')
  await c.screen.shown()
  c.type('\x1b[2~')
  await c.screen.shown()
  expect(asked).toBe(2)
  c.cons.ctl('comfort on')
  c.type(`${UP}\r`)
  expect(await c.read()).toBe('\txy\n')
})

test('the arrows bring back earlier lines and then the new one; no line is kept twice in a row', async () => {
  const c = setup()
  for (const line of ['one', 'two', 'two', '  ']) {
    c.type(`${line}\r`)
    await c.read()
  }
  c.type(`new${UP}${UP}${UP}\r`)
  expect(await c.read()).toBe('one\n')
  c.type(`new${UP}${UP}${DOWN}${DOWN}${DOWN}!\r`)
  expect(await c.read()).toBe('new!\n')
})

test('inside of a line: the arrows, Home, End, ^A, ^E, ^K, words', async () => {
  const c = setup()
  c.print('% ')
  c.type(`bd${LEFT}c${HOME}a${END}e${RIGHT}\x01\x1b[1;5C|\x05\x1bb<`)
  expect(await c.rows()).toEqual(['% abcde|'.replace('abcde|', '<abcde|')])
  c.type('\x01\x0b')
  expect(await c.rows()).toEqual(['%'])
})

test('^L clears the screen and keeps prompt and line', async () => {
  const c = setup()
  c.print('noise\nterm% ')
  c.type(`abc${LEFT}\x0c`)
  const { rows, cursor } = await c.screen.shown()
  expect(rows.at(-1)).toBe('term% abc')
  expect(cursor[0]).toBe(8)
  expect(c.screen.terminal.buffer.active.cursorY).toBe(0)
})

test('a line of many rows is edited in all of them', async () => {
  const c = setup({ cols: 10, rows: 8 })
  c.print('% ')
  const line = '0123456789abcdefghijklmnopqrstuvwxyz'
  c.type(line)
  expect(await c.rows()).toEqual(['% 01234567', '89abcdefgh', 'ijklmnopqr', 'stuvwxyz'])
  c.type(`${HOME}<`)
  expect(await c.rows()).toEqual(['% <0123456', '789abcdefg', 'hijklmnopq', 'rstuvwxyz'])
  expect(await c.cursor()).toEqual([3, 0])
  c.type('\x08\x05\x15')
  expect(await c.rows()).toEqual(['%'])
  expect(await c.cursor()).toEqual([2, 0])
})

test('output that comes while a line is typed goes above it', async () => {
  const c = setup({ cols: 10 })
  c.print('% ')
  c.type('0123456789ab\x1b[D')
  c.print('hello\n')
  expect(await c.rows()).toEqual(['% hello', '0123456789', 'ab'])
  expect(await c.cursor()).toEqual([1, 2])
  c.print('% ')
  expect(await c.rows()).toEqual(['% hello', '% 01234567', '89ab'])
  c.type('\r')
  expect(await c.read()).toBe('0123456789ab\n')
})

test('a prompt with colours has the columns that one sees, also when its bytes come one by one', async () => {
  const c = setup({ cols: 12 })
  for (const b of bytes('\x1b[1;32mtérm%\x1b[0m ')) c.cons.write(Uint8Array.of(b))
  c.type(`abcdefgh${HOME}`)
  expect(await c.rows()).toEqual(['térm% abcdef', 'gh'])
  expect(await c.cursor()).toEqual([6, 0])
})

test('wide and combining characters, split anywhere', async () => {
  const c = setup({ cols: 11 })
  c.print('% ')
  for (const b of bytes('日本語e\u0301文字')) c.cons.input(Uint8Array.of(b))
  expect(await c.rows()).toEqual(['% 日本語e\u0301文', '字'])
  c.type(LEFT + LEFT)
  expect(await c.cursor()).toEqual([9, 0])
  c.type('\x08\r')
  expect(await c.read()).toBe('日本語文字\n')
  c.type('\u0301x\r')
  expect(await c.read()).toBe('x\n')
})

test('emoji, where the terminal gives them two columns', async () => {
  const c = setup({ emoji: true, cols: 20 })
  const { wcwidth } = { wcwidth: (cp: number): 0 | 1 | 2 => (cp >= 0x1f300 && cp < 0x1fb00 ? 2 : 1) }
  c.screen.terminal.unicode.register({ version: 'emoji', wcwidth, charProperties: cp => wcwidth(cp) << 1 })
  c.screen.terminal.unicode.activeVersion = 'emoji'
  c.print('% ')
  c.type(`🦙🦙x${LEFT}`)
  expect(await c.rows()).toEqual(['% 🦙🦙x'])
  expect(await c.cursor()).toEqual([6, 0])
})

test('keys that are split, unknown, or not to be typed', async () => {
  const c = setup()
  c.type('ac')
  for (const ch of '\x1b[1;5D') c.type(ch)
  c.type('<\x1b')
  c.type('OF>')
  c.type('\x1b[99;99~\x1b[?1;2c\x1b[Z\x02\x07\x1c')
  c.type('\ud83e')
  c.type('\udd99\r')
  expect(await c.read()).toBe('<ac>🦙\n')
})

test('ESC holds what is typed until the next, and so do holdon and holdoff', async () => {
  const c = setup({ cols: 60 })
  c.type('\x1b\ra\rb')
  c.cons.ctl('holdoff')
  expect(await c.read()).toBe('\n')
  expect(await c.read()).toBe('a\n')
  c.type('\r')
  expect(await c.read()).toBe('b\n')
  c.type('\x1b')
  await until(async () => (await c.rows()).filter(r => r.startsWith('(hold')).length === 2)
  c.type('held\r')
  const read = c.read()
  c.type('more\x1b')
  expect(await read).toBe('held\n')
  c.type('\r')
  expect(await c.read()).toBe('more\n')
  c.cons.ctl('holdon')
  c.type('lost\r\x7f')
  expect(c.interrupts()).toBe(1)
  c.type('kept\r')
  expect(await c.read()).toBe('kept\n')
})

test('the compose key, or Alt and a character, makes characters of others', async () => {
  const c = setup()
  const alt = '\x1b[57443u'
  c.type(`${alt}'e${alt},c${alt}*d${alt}@ya${alt}12${alt}x1f40;${alt}x01f600${alt}_"U\x1boa`)
  c.type(`${alt}qz${alt}'\x08!\r`)
  expect(await c.read()).toBe('éçδя½ὀ😀Ǖåqz!\n')
  c.cons.ctl('rawon')
  c.type(alt)
  c.type('x')
  expect(await c.read()).toBe('x')
})

test('^R finds earlier lines', async () => {
  const c = setup()
  for (const line of ['echo one', 'ls /tmp', 'echo two', 'ls /bin']) {
    c.type(`${line}\r`)
    await c.read()
  }
  c.type('draft\x12')
  c.type('ec')
  expect((await c.rows()).at(-1)).toBe('(search ec) echo two')
  c.type('\x12')
  expect((await c.rows()).at(-1)).toBe('(search ec) echo one')
  c.type('\x12')
  expect((await c.rows()).at(-1)).toBe('(search ec) echo one')
  c.type('ho t')
  expect((await c.rows()).at(-1)).toBe('(search echo t) echo two')
  c.type('\x08o\r')
  expect(await c.read()).toBe('echo one\n')
  c.type('draft\x12ls\x1b[D!')
  expect((await c.rows()).at(-1)).toBe('ls /bi!n')
  c.type('\x15\x0bdraft\x12zz')
  expect((await c.rows()).at(-1)).toBe('(search zz)')
  c.cons.ctl('comfort off')
  c.type('\x1b')
  await until(async () => (await c.rows()).at(-1) === 'draft')
  c.type('\x12\r')
  expect(await c.read()).toBe('draft\n')
})

test('of a paste only the ends of lines are keys', async () => {
  let asked = false
  const c = setup({
    complete: async () => {
      asked = true
      return undefined
    },
  })
  c.type('\x1b[200~fn f {\r\n\techo\x7f \x03')
  c.type('x\n}\x1b[20')
  c.type('1~!\r')
  expect(await c.read()).toBe('fn f {\n')
  expect(await c.read()).toBe('\techo\x7f \x03x\n')
  expect(await c.read()).toBe('}!\n')
  expect(await c.rows()).toEqual(['fn f {', '^Iecho^? ^Cx', '}!'])
  expect([asked, c.interrupts()]).toEqual([false, 0])
})

test('raw: characters as they come, without an echo; rawon releases what was typed', async () => {
  const c = setup()
  c.print('% ')
  c.type('ab')
  c.cons.ctl('rawon')
  expect(await c.read()).toBe('ab')
  c.type('x')
  c.type('\x1b')
  c.type('[A\r')
  c.type('\x7f')
  c.cons.input(Uint8Array.of(0xe6, 0x0d))
  expect(await c.read()).toBe('x')
  expect(await c.read()).toBe('\x1b')
  expect(await c.read()).toBe('[A\n')
  expect(await c.read()).toBe('\x7f')
  expect([...(await c.cons.read(10, never))]).toEqual([0xe6, 0x0a])
  c.print('a\nb')
  c.cons.ctl('rawoff')
  c.print('\n')
  c.type('cooked\r')
  expect(await c.read()).toBe('cooked\n')
  expect(await c.rows()).toEqual(['% aba', 'b', 'cooked'])
})

/** Completes among names, the whole line. */
function among(...names: string[]) {
  return async (line: string, cursor: number): Promise<Completion | undefined> => {
    const typed = [...line].slice(0, cursor).join('')
    const options = names.filter(name => name.startsWith(typed))
    if (options.length === 0) return undefined
    let text = options[0]!
    while (!options.every(name => name.startsWith(text))) text = text.slice(0, -1)
    return { start: 0, text: options.length === 1 ? `${text} ` : text, options }
  }
}

test('Tab puts in what is sure, then shows what is possible', async () => {
  const c = setup({ complete: among('stories.bin', 'stories_q80.bin', 'tokenizer.bin'), cols: 50 })
  c.print('% ')
  c.type('st\t')
  expect(await c.rows()).toEqual(['% stories'])
  c.type('\t')
  expect(await c.rows()).toEqual(['% stories', 'stories.bin      stories_q80.bin', '% stories'])
  c.type('_\tx\r')
  expect(await c.read()).toBe('stories_q80.bin x\n')
})

test('keys wait for a completion in their order; an interrupt does not', async () => {
  const gates: (() => void)[] = []
  const c = setup({
    complete: (line, cursor) =>
      new Promise(resolve =>
        gates.push(() => resolve({ start: 0, text: `${line.slice(0, cursor)}+`, options: ['+'] })),
      ),
  })
  c.type('a\tb\tc\r')
  expect(gates).toHaveLength(1)
  gates[0]!()
  await c.screen.shown()
  expect(gates).toHaveLength(2)
  gates[1]!()
  expect(await c.read()).toBe('a+b+c\n')

  c.type('lost\tx\x7fnext')
  expect(c.interrupts()).toBe(1)
  gates[2]!()
  await c.screen.shown()
  c.type('\r')
  expect(await c.read()).toBe('next\n')
})

test('a completion that fails changes nothing', async () => {
  const c = setup({ complete: () => Promise.reject(new Error('no')) })
  c.type('a\tb\r')
  expect(await c.read()).toBe('ab\n')
})

test('a writer waits as long as the terminal does', async () => {
  let go = () => {}
  const cons = new Console({ output: () => new Promise<void>(resolve => (go = resolve)), interrupt: () => {} })
  let written = false
  const write = Promise.resolve(cons.write(bytes('x'))).then(() => (written = true))
  await Promise.resolve()
  expect(written).toBe(false)
  go()
  await write
  expect(written).toBe(true)
})

// (xterm's wrapping anew does not keep the cursor on its character when a row becomes three.)
for (const reflows of [false, true])
  for (const to of reflows ? [13, 31] : [7, 13, 31])
    test(`a terminal made ${to} columns wide${reflows ? ', which wraps lines anew,' : ''} shows prompt and line again`, async () => {
      const c = setup({ cols: 20, rows: 12, reflows })
      c.screen.terminal.options.reflowCursorLine = reflows
      c.print('before\nterm% ')
      c.type(`the quick brown fox jumps over${LEFT}${LEFT}`)
      await c.screen.shown()
      c.screen.terminal.resize(to, 12)
      c.cons.resize(to, 12)
      const whole = 'term% the quick brown fox jumps over'
      const rows = (await c.rows()).filter(row => row !== '')
      expect(rows).toEqual(['before', ...(whole.match(new RegExp(`.{1,${to}}`, 'g')) ?? []).map(row => row.trimEnd())])
      c.type('X\r')
      expect(await c.read()).toBe('the quick brown fox jumps ovXer\n')
    })

test('random edits show what a new terminal shows of the same text', async () => {
  const seed = Number(process.env.SEED ?? 9)
  const r = new Random(seed)
  const glyphs = ['a', 'b', ' ', 'é', '語', '文', '🦙', 'e\u0301', '/']
  const split = new Intl.Segmenter()
  const characters = (s: string) => [...split.segment(s)].map(({ segment }) => segment)
  for (let round = 0; round < 25; round++) {
    const [cols, rows] = [5 + r.int(20), 60]
    const c = setup({ cols, rows })
    let before = ''
    let line: string[] = []
    let at = 0
    const log: string[] = []
    for (let step = 0; step < 25; step++) {
      const what = r.int(13)
      const some = Array.from({ length: 1 + r.int(6) }, () => r.pick(glyphs)).join('')
      log.push(`${what} ${some}`)
      if (what < 5) {
        c.type(some)
        line.splice(at, 0, ...characters(some))
        at += characters(some).length
      } else if (what === 5) {
        c.type('\x08')
        if (at > 0) line.splice(--at, 1)
      } else if (what === 6) {
        c.type(LEFT)
        at = Math.max(0, at - 1)
      } else if (what === 7) {
        c.type(r.pick([HOME, '\x01']))
        at = 0
      } else if (what === 8) {
        c.type(END)
        at = line.length
      } else if (what === 9) {
        c.type('\x15')
        line.splice(0, at)
        at = 0
      } else if (what === 10) {
        c.type('\r')
        before += `${line.join('')}\r\n`
        line = []
        at = 0
      } else if (what === 11) {
        c.print(some)
        before += some
      } else {
        c.print(`${some}\n`)
        before += `${some}\r\n`
      }
      const whole = await rendered(cols, rows, before + line.join(''))
      const upto = await rendered(cols, rows, before + line.slice(0, at).join(''))
      const shown = await c.screen.shown()
      const what2 = `SEED=${seed} round ${round} cols ${cols}: ${log.join(', ')}`
      expect(shown.rows, what2).toEqual(whole.rows)
      expect(shown.cursor[1] * cols + shown.cursor[0], what2).toBe(upto.cursor[1] * cols + upto.cursor[0])
    }
  }
})

test('the terminal marks pastes while cooked lines are read, and not when it is somebody else’s', async () => {
  const c = setup()
  const marks = async () => {
    await c.screen.shown()
    return c.screen.terminal.modes.bracketedPasteMode
  }
  expect(await marks()).toBe(false)
  c.type('x\r')
  await c.read()
  expect(await marks()).toBe(true)
  c.cons.ctl('rawon')
  expect(await marks()).toBe(false)
  c.type('\r')
  await c.read()
  expect(await marks()).toBe(false)
  c.cons.ctl('rawoff')
  c.type('x\r')
  await c.read()
  expect(await marks()).toBe(true)
  c.cons.close()
  expect(await marks()).toBe(false)
})

test('a hint is shown in comfort only', async () => {
  const t = setup()
  t.cons.ctl('hint one')
  t.cons.ctl('comfort off')
  t.cons.ctl('hint two')
  t.cons.ctl('comfort on')
  t.cons.ctl('hint three')
  expect((await t.screen.shown()).rows).toEqual(['(one)', '(three)'])
})

test('Tab at the beginning of a line is a tab', async () => {
  const asked: string[] = []
  const c = setup({
    complete: async line => {
      asked.push(line)
      return undefined
    },
  })
  c.type('\t\tcp a b\t\r')
  expect(await c.read()).toBe('\t\tcp a b\n')
  expect(asked).toEqual(['\t\tcp a b'])
})
