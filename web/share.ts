import { h } from './dom.ts'
import type { Arrangement } from './layout.ts'
import type { Workspace } from './panes/pane.ts'

/**
 * The workspace in an address: what is behind its # are parameters, as of a query. `layout` is the panes (main ones with dots
 * between, the side's behind a ~), `lesson` a lesson's step, `rc` commands; panes have others of their own.
 */

export const params = (hash: string): URLSearchParams => new URLSearchParams(hash.replace(/^#/, ''))

export function layoutIn(hash: string): Arrangement | undefined {
  const [main, side] = (params(hash).get('layout') ?? '').split('~')
  if (main === undefined || main === '') return undefined
  return { main: main.split('.'), ...(side !== undefined && side !== '' && { side }) }
}

export const layoutParam = ({ main, side }: Arrangement): string =>
  main.join('.') + (side === undefined ? '' : `~${side}`)

/** Lines of `now` that `before` has not, in order. */
export function added(before: string, now: string): string[] {
  const had = new Set(before.split('\n'))
  return now.split('\n').filter(l => l !== '' && !had.has(l) && !l.startsWith('cd '))
}

/** What the profile binds. */
const PROFILE = 'bind -a /usr/glenda/bin/rc /bin\n'

/**
 * The commands by which somebody else gets to the same: the binds that were made since the start, and the model that /mnt/llm
 * has.
 */
export async function commands(ws: Workspace, ns0: string): Promise<string> {
  const { files } = ws
  const shell = (await files.text('/dev/ppid').catch(() => '1')).trim()
  const ns = await files.text(`/proc/${shell}/ns`).catch(() => files.text('/proc/1/ns').catch(() => ''))
  const [, model] = /^loaded (.*)/.exec(await files.text('/mnt/llm/ctl').catch(() => '')) ?? []
  const lines = added(ns0 + PROFILE, ns).filter(l => !(model !== undefined && / \/mnt\/llm$/.test(l)))
  if (model !== undefined)
    lines.push('test -e /srv/llm || llmfs', 'mount /srv/llm /mnt/llm', `echo load ${model} >/mnt/llm/ctl`)
  return lines.join('\n')
}

/** Shows commands that came with a link. Nothing is run but by a click. */
export function offer(el: HTMLElement, text: string, run: (text: string) => void): void {
  const button = (name: string, go: () => void) => {
    const b = h('button', { type: 'button', class: 'tool' }, name)
    b.addEventListener('click', () => {
      el.hidden = true
      go()
    })
    return b
  }
  el.replaceChildren(
    h('p', {}, 'This link brings commands:'),
    h('pre', { tabindex: '0' }, text),
    button('Run them', () => run(`${text.replace(/\n*$/, '')}\n`)),
    button('No', () => undefined),
  )
  el.hidden = false
}
