import { byId } from './dom.ts'
import type { Files } from './files.ts'
import type { Home } from './kernel.ts'
import { Loading } from './loading.ts'

const LLM = '/mnt/llm'
const EVERY = 1000
/** The same while a model loads. */
const LOADING = 200

/** `name value` lines. */
function fields(text: string): Map<string, string> {
  return new Map(
    text
      .trim()
      .split('\n')
      .map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  )
}

/** 2_894_464 as 2.9M. */
function count(n: number): string {
  for (const [unit, by] of [
    ['B', 1e9],
    ['M', 1e6],
    ['K', 1e3],
  ] as const)
    if (n >= by) return `${(n / by).toFixed(n < 10 * by ? 1 : 0)}${unit}`
  return String(n)
}

/**
 * The line at the foot: what the kernel does, what model is loaded and how fast it went, where the home directory is.
 * What it says of the model it reads from the files of llmfs at /mnt/llm, once a second while the page is visible, and
 * more often while a model loads.
 */
export class Status {
  private readonly files: Files
  private readonly kernelCell = byId('st-kernel')
  private readonly modelCell = byId('st-model')
  private readonly rateCell = byId('st-rate')
  private readonly homeCell = byId('st-home')
  /** The last text of each session's status; the one that changed last is shown. */
  private sessions = new Map<string, string>()
  private started = false
  private readonly loading: Loading

  constructor(files: Files) {
    this.files = files
    this.loading = new Loading(() => void this.cancel().catch(() => undefined))
  }

  kernel(state: 'running' | 'stopped'): void {
    this.kernelCell.textContent = `kernel ${state}`
    this.kernelCell.dataset['state'] = state
    if (state === 'running' && !this.started) {
      this.started = true
      void this.poll()
    }
  }

  home(home: Home): void {
    this.homeCell.textContent = home.kept ? '/usr/glenda kept in this browser' : `/usr/glenda not kept: ${home.why}`
    this.homeCell.dataset['state'] = home.kept ? 'kept' : 'lost'
  }

  private async poll(): Promise<never> {
    for (;;) {
      if (document.visibilityState === 'hidden')
        await new Promise(resolve => document.addEventListener('visibilitychange', resolve, { once: true }))
      const loads = await this.look()
      await new Promise(resolve => setTimeout(resolve, loads ? LOADING : EVERY))
    }
  }

  /** Ends the load under way, if there still is one: without one, `unload` would be of the model. */
  private async cancel(): Promise<void> {
    const status = await this.files.text(`${LLM}/status`)
    if (this.loading.show(status)) await this.files.tell(`${LLM}/ctl`, 'unload')
  }

  /** Returns whether a model loads. */
  private async look(): Promise<boolean> {
    const status = await this.files.text(`${LLM}/status`).catch(() => '')
    const loads = this.loading.show(status)
    this.modelCell.hidden = loads
    this.rateCell.hidden = loads
    if (!loads) await this.model(status)
    return loads
  }

  private async model(status: string): Promise<void> {
    let model = 'no model loaded'
    try {
      const known = /^(un)?loaded/.test(status) ? status : await this.files.text(`${LLM}/ctl`)
      const [state, name] = known.trim().split(' ')
      if (state === 'loaded' && name) {
        const info = fields(await this.files.text(`${LLM}/model`))
        const params = count(Number(info.get('params')))
        model = `${name} · ${params} parameters · ${info.get('quant')}`
        await this.rate()
      } else this.forget()
    } catch {
      this.forget()
    }
    set(this.modelCell, model)
  }

  private forget(): void {
    this.sessions.clear()
    set(this.rateCell, '')
  }

  private async rate(): Promise<void> {
    const now = new Map<string, string>()
    for (const { name } of await this.files.list(LLM)) {
      if (!/^[0-9]+$/.test(name)) continue
      const text = await this.files.text(`${LLM}/${name}/status`).catch(() => '')
      now.set(name, text.trim())
    }
    for (const [name, text] of now)
      if (text !== '' && text !== 'idle' && text !== this.sessions.get(name))
        set(
          this.rateCell,
          `session ${name}: ${text.replace(/^done ([0-9.]+)/, (_, rate: string) => Number(rate).toFixed(Number(rate) < 100 ? 1 : 0))}`,
        )
    if (now.size === 0) set(this.rateCell, '')
    this.sessions = now
  }
}

/** The status line is read out when it changes: it changes only when it has something to say. */
function set(el: HTMLElement, text: string): void {
  if (el.textContent !== text) el.textContent = text
}
