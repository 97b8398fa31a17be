import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import xterm from '@xterm/headless'
import { expect, onTestFailed, onTestFinished, test } from 'vitest'
import { checkpoint } from '../web/checkpoint.ts'
import { command, hostDir } from './ml.ts'

const PROMPT = 'term% '

/** Keys, as a terminal sends them. */
const key = {
  interrupt: '\x03',
  DEL: '\x1b[3~',
  erase: '\x7f',
  up: '\x1b[A',
  left: '\x1b[D',
  home: '\x1b[H',
  eof: '\x04',
}

/** 9ml on a pseudo-terminal, and the terminal that shows it. */
class Terminal {
  readonly ended: Promise<{ status: number; restored: boolean }>
  /** All that came. */
  out = ''
  private readonly term: InstanceType<typeof xterm.Terminal>
  private readonly child
  private readonly decoder = new TextDecoder()
  private wake: (() => void) | undefined
  private over = false

  constructor(o: { cwd?: string; cols?: number; rows?: number; args?: string[] } = {}) {
    const { cols = 80, rows = 24 } = o
    this.term = new xterm.Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true })
    const script = join(import.meta.dirname, 'pty.py')
    const argv = [script, String(cols), String(rows), process.execPath, command, ...(o.args ?? [])]
    this.child = spawn('python3', argv, { cwd: o.cwd, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })
    let err = ''
    this.child.stderr!.on('data', b => {
      err += b
    })
    this.child.stdout!.on('data', b => {
      this.term.write(b, () => {
        this.out += this.decoder.decode(b, { stream: true })
        this.wake?.()
      })
    })
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', () => {
        this.term.write('', () => {
          this.over = true
          this.wake?.()
          try {
            resolve(JSON.parse(err))
          } catch {
            reject(new Error(err))
          }
        })
      })
    })
    this.ended.catch(() => {})
    onTestFinished(() => void this.child.kill('SIGKILL'))
    onTestFailed(() => console.log(`the terminal shows:\n${this.lines().join('\n')}`))
  }

  type(text: string): void {
    this.child.stdin!.write(text)
  }

  resize(cols: number, rows: number): void {
    this.term.resize(cols, rows)
    const sizes = this.child.stdio[3] as Writable
    sizes.write(`${cols} ${rows}\n`)
  }

  /** What the terminal shows and has shown, a string for each line however many rows it takes, up to the cursor's. */
  lines(): string[] {
    const { active } = this.term.buffer
    const lines: string[] = []
    for (let y = 0; y < active.length; y++) {
      const row = active.getLine(y)!
      if (y > active.baseY + active.cursorY && !row.isWrapped) break
      const text = row.translateToString(false)
      if (row.isWrapped) lines.push(lines.pop()! + text)
      else lines.push(text)
    }
    return lines.map(line => line.trimEnd())
  }

  /** Resolves when `seen` is so. */
  async until(seen: () => boolean, what: string): Promise<void> {
    while (!seen()) {
      if (this.over) throw new Error(`9ml ended without ${what}:\n${this.lines().join('\n')}`)
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
  }

  /** Resolves when the last line is `text`. */
  last(text: string): Promise<void> {
    return this.until(() => this.lines().at(-1) === text.trimEnd(), `the last line ${text}`)
  }

  /** Waits until the prompt is the last line, `n` lines at least below the top. */
  private prompted(n: number): Promise<void> {
    return this.until(() => this.lines().length > n && this.lines().at(-1) === PROMPT.trimEnd(), 'a prompt')
  }

  prompt = (): Promise<void> => this.prompted(0)

  /** Types a line and returns what is shown until the next prompt. */
  async run(line: string): Promise<string[]> {
    const n = this.lines().length
    this.type(`${line}\r`)
    await this.prompted(n)
    return this.lines().slice(n, -1)
  }

  /** Types a line, waits for `text` in what comes of it, types `keys`, and returns what is shown until the next prompt. */
  async interrupt(line: string, text: string, keys: string): Promise<string[]> {
    const n = this.lines().length
    this.type(`${line}\r`)
    await this.until(() => this.lines().slice(n).join('\n').includes(text), text)
    this.type(keys)
    await this.prompted(n)
    return this.lines().slice(n, -1)
  }
}

test('a prompt appears, commands run, ^D ends with 0 and the terminal as it was', async () => {
  const t = new Terminal()
  await t.prompt()
  expect(t.lines()[0]).toBe('Plan 9, with language models as files.')
  expect(await t.run('echo hello; echo $#prompt')).toEqual(['hello', '2'])
  expect(await t.run('ls -d /lib/n*')).toEqual(['/lib/namespace', '/lib/news'])
  expect(await t.run('nosuch')).toEqual([expect.stringContaining("nosuch: file does not exist: './nosuch'")])
  // What is typed ahead is read by the command.
  t.type('cat\rone\rtwo\r')
  await t.until(() => t.lines().filter(line => line === 'two').length === 2, 'what cat read')
  t.type(key.eof)
  await t.prompt()
  t.type(key.eof)
  expect(await t.ended).toEqual({ status: 0, restored: true })
})

test('exit tells its status to the host', async () => {
  const t = new Terminal()
  await t.prompt()
  t.type('exit done\r')
  expect(await t.ended).toEqual({ status: 1, restored: true })
})

test('what is pasted is marked while rc reads, and no longer when it is over', async () => {
  const t = new Terminal()
  await t.prompt()
  await t.until(() => t.out.includes('\x1b[?2004h'), 'the mark')
  const n = t.lines().length
  t.type('\x1b[200~echo one\n# \x03 \x04\necho two\x1b[201~')
  await t.until(
    () => t.lines().includes('one') && t.lines().at(-1)!.endsWith(`${PROMPT}echo two`),
    'the last line pasted',
  )
  t.type('\r')
  await t.until(() => /^(term% )*two$/.test(t.lines().at(-2)!) && t.lines().at(-1) === 'term%', 'the last command')
  expect(t.lines().slice(n)).toContain('one')
  t.type(key.eof)
  expect(await t.ended).toEqual({ status: 0, restored: true })
  expect(t.out.lastIndexOf('\x1b[?2004l')).toBeGreaterThan(t.out.lastIndexOf('\x1b[?2004h'))
})

test('history, editing and completion', async () => {
  const { host } = await hostDir()
  writeFileSync(join(host, 'a long name.txt'), 'its content\n')
  const t = new Terminal({ cwd: host })
  await t.prompt()
  await t.run('echo one')
  await t.run('echo two')
  t.type(key.up + key.up)
  await t.last(`${PROMPT}echo one`)
  t.type(` more${key.home}${'\x1b[C'.repeat(5)}X`)
  await t.last(`${PROMPT}echo Xone more`)
  expect(await t.run('')).toEqual(['Xone more'])
  t.type('slee')
  t.type('\t')
  await t.last(`${PROMPT}sleep`)
  t.type('\x15cat ')
  await t.last(`${PROMPT}cat`)
  t.type("'a lo\t")
  await t.last(`${PROMPT}cat 'a long name.txt'`)
  expect(await t.run('')).toEqual(['its content'])
  t.type('ls /li\t')
  await t.last(`${PROMPT}ls /lib/`)
  t.type(`x${key.erase}llm/stories\t`)
  await t.last(`${PROMPT}ls /lib/llm/stories`)
  t.type('\t')
  await t.until(() => t.lines().at(-2) === 'stories.bin      stories_q80.bin', 'the names')
  await t.last(`${PROMPT}ls /lib/llm/stories`)
  expect((await t.run('.bin')).at(-1)).toBe('/lib/llm/stories.bin')
})

test.each([
  ['^C', key.interrupt],
  ['DEL', key.DEL],
])('%s interrupts what runs, and throws away what is typed', async (name, keys) => {
  const t = new Terminal()
  await t.prompt()
  const hint = name === '^C' ? ['(^C does what DEL does on Plan 9: it interrupts)'] : []
  expect(await t.interrupt('echo go; sleep 1000', 'go', keys)).toEqual(['go', ...hint])
  expect(await t.interrupt('echo go; while() x=y', 'go', keys)).toEqual(['go'])
  expect(await t.interrupt('echo go; cat', 'go', keys)).toEqual(['go'])
  expect(await t.interrupt('echo go; cat | cat | wc', 'go', keys)).toEqual(['go'])
  expect((await t.interrupt('while() echo y', 'y', keys)).slice(0, 2)).toEqual(['y', 'y'])
  t.type('echo not this')
  await t.last(`${PROMPT}echo not this`)
  const n = t.lines().length
  t.type(keys)
  await t.until(() => t.lines().length > n && t.lines().at(-1) === 'term%', 'a new prompt')
  expect(await t.run('echo $status')).toEqual([expect.stringMatching(/(^|: )interrupt$/)])
  t.type(key.eof)
  expect(await t.ended).toEqual({ status: 0, restored: true })
})

test('^C ends a blocked cat of a stream, and the generation goes on', async () => {
  const { host } = await hostDir()
  writeFileSync(join(host, 'endless.bin'), checkpoint({ vocabSize: 1024, seqLen: 60_000 }))
  const t = new Terminal({ cwd: host })
  await t.prompt()
  await t.run('llmfs -m /mnt/llm')
  expect(await t.run('echo load `{pwd}^/endless.bin /lib/llm/tokenizer.bin > /mnt/llm/ctl')).toEqual([])
  expect(await t.run('cat /mnt/llm/clone')).toEqual(['0'])
  await t.run("echo 'steps 0' > /mnt/llm/0/ctl; echo generate > /mnt/llm/0/ctl")
  const n = t.lines().length
  t.type('cat /mnt/llm/0/stream\r')
  await t.until(() => (t.lines()[n]?.length ?? 0) > 0, 'the stream')
  t.type(key.interrupt)
  await t.prompt()
  expect((await t.run('cat /mnt/llm/0/status'))[0]).toMatch(/^generating /)
  await t.run('echo stop > /mnt/llm/0/ctl')
  expect((await t.run('cat /mnt/llm/0/status'))[0]).toMatch(/^done /)
  // One with nothing to come blocks from the first byte on.
  await t.run('cat /mnt/llm/clone')
  expect(await t.interrupt('echo go; cat /mnt/llm/1/stream', 'go', key.interrupt)).toEqual(['go'])
})

test('a terminal that is smaller than the line', async () => {
  const t = new Terminal({ cols: 20, rows: 5 })
  await t.prompt()
  const words = 'echo one two three four five six seven'
  t.type(words)
  await t.last(`${PROMPT}${words}`)
  t.type(`${key.home}${'\x1b[C'.repeat(5)}zero `)
  await t.until(() => t.lines().join('').includes('echo zero one two three'), 'the word')
  const long = `${PROMPT}echo zero one two three four five six seven`
  await t.run('')
  expect(t.lines()).toContain(long)
  expect(t.lines()).toContain('zero one two three four five six seven')
  t.resize(30, 6)
  t.type('echo wider and typed after the change of the size')
  await t.until(() => t.lines().at(-1)!.endsWith('change of the size'), 'the line')
  expect(await t.run('')).toEqual(['wider and typed after the change of the size'])
})

test('a directory whose name has spaces, or is not ASCII', async () => {
  const { host, inside } = await hostDir()
  const name = "it's a größe 木"
  mkdirSync(join(host, name))
  const t = new Terminal({ cwd: join(host, name), cols: 120 })
  await t.prompt()
  expect(await t.run('pwd')).toEqual([`${inside}/${name}`])
  expect(await t.run('cd ..; ls')).toEqual(["'it''s a größe 木'"])
})

test('of a megabyte that is pasted nothing is lost', async () => {
  const t = new Terminal()
  await t.prompt()
  await t.run('rm -f /tmp/pasted')
  const line = `${'0123456789abcde '.repeat(6)}xyz\n`
  const text = line.repeat(Math.ceil((1 << 20) / line.length))
  t.type('cat >/tmp/pasted\r')
  await t.last('')
  t.type(`\x1b[200~${text}\x1b[201~`)
  t.type(key.eof)
  await t.until(() => t.lines().at(-1) === 'term%', 'the prompt')
  const counts = [text.length / line.length, (7 * text.length) / line.length, text.length]
  t.type('wc /tmp/pasted; uniq /tmp/pasted | wc -l\r')
  await t.until(() => t.lines().at(-2) === '      1', 'the counts')
  expect(t.lines().at(-3)).toBe(`${counts.map(n => String(n).padStart(7)).join(' ')} /tmp/pasted`)
})
