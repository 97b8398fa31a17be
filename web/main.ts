import './style.css'
import { type Remote, transfer, wrap } from 'comlink'
import { byId } from './dom.ts'
import { takeDrops } from './drop.ts'
import { Files } from './files.ts'
import type { KernelApi } from './kernel.ts'
import { keyBar } from './keys.ts'
import { Layout } from './layout.ts'
import { Notices } from './notices.ts'
import { comparePane } from './panes/compare.ts'
import { consolePane } from './panes/console.ts'
import { filesPane } from './panes/files.ts'
import { inspectorPane } from './panes/inspector.ts'
import { lessonIn, lessonsPane } from './panes/lessons.ts'
import { nsPane } from './panes/ns.ts'
import type { Workspace } from './panes/pane.ts'
import { pcPane } from './panes/pc.ts'
import { commands, layoutIn, layoutParam, offer, params } from './share.ts'
import { Status } from './status.ts'
import { onTheme, themeToggle } from './theme.ts'

const DEL = '\x7f'

const worker = new Worker(new URL('./kernel.worker.ts', import.meta.url), { type: 'module', name: '9ml kernel' })
const kernel: Remote<KernelApi> = wrap<KernelApi>(worker)
const pack = fetch((byId('root') as HTMLLinkElement).href).then(r => {
  if (!r.ok) throw new Error(`${r.url}: ${r.status} ${r.statusText}`)
  return r.arrayBuffer()
})

const cons = new MessageChannel()
let started = () => {}
const booted = new Promise<void>(resolve => {
  started = resolve
})
const notices = new Notices(byId('notices'))
const files = new Files(port => {
  void booted.then(() => kernel.attach(transfer(port, [port])))
})
const aside = new Files(port => {
  void booted.then(() => kernel.attach(transfer(port, [port]), 'inspector'))
})
const status = new Status(files)
const fileWatchers: (() => void)[] = []
const ws: Workspace = {
  files,
  aside,
  notices,
  type: keys => cons.port1.postMessage(keys),
  run: (...argv) => booted.then(() => kernel.run(argv)),
  onTheme,
  onFiles: f => fileWatchers.push(f),
  filesChanged() {
    for (const f of fileWatchers) f()
  },
}

themeToggle(byId('theme'))
const layout = new Layout(byId('panes'), byId('tabs'), ws)
const { pane, terminal } = consolePane(cons.port1)
const console9 = layout.add(pane)
layout.add(pcPane)
layout.add(comparePane)
layout.add(inspectorPane)
layout.add(filesPane)
layout.add(lessonsPane)
layout.add(nsPane)

/** Other consoles, by their numbers: each has a shell and a name space of its own. */
const others = new Set<number>()
function anotherConsole(): string {
  let n = 2
  while (others.has(n)) n++
  others.add(n)
  const { port1, port2 } = new MessageChannel()
  const another = consolePane(port1, n)
  if (!others.has(n - 1)) delete another.pane.after
  layout.add({ after: 'console', ...another.pane })
  another.terminal.onRestart(() => {
    others.delete(n)
    layout.remove(another.pane.id)
    console9.focus()
  })
  void booted.then(() =>
    kernel.open(transfer({ cons: port2, ...another.terminal.size() }, [port2])).catch((err: unknown) => {
      notices.error(err instanceof Error ? err.message : String(err))
    }),
  )
  return another.pane.id
}
byId('another').addEventListener('click', () => {
  const id = anotherConsole()
  layout.show(id, true)
  layout.typist?.focus()
})
const embedded = new URLSearchParams(location.search).has('embed')
document.documentElement.classList.toggle('embedded', embedded)
const kept = embedded ? undefined : Layout.kept()
for (let n = 1; n < (kept?.consoles ?? 1); n++) anotherConsole()
layout.settle(embedded ? { main: ['console'] } : (layoutIn(location.hash) ?? kept))
function follow(): void {
  const rc = params(location.hash).get('rc')
  if (rc) offer(byId('offer'), rc, type)
  if (lessonIn(location.hash)) layout.show('lessons')
}
addEventListener('hashchange', () => {
  const a = layoutIn(location.hash)
  if (a) layout.settle(a)
  follow()
})
follow()

/** The name space as it was at first. */
let ns0 = ''
byId('share').addEventListener('click', async () => {
  const p = params(location.hash)
  for (const name of [...p.keys()]) if (name !== 'lesson') p.delete(name)
  p.set('layout', layoutParam(layout.arrangement))
  for (const [name, value] of Object.entries(layout.share())) p.set(name, value)
  const rc = await commands(ws, ns0).catch(() => '')
  if (rc !== '') p.set('rc', rc)
  const url = `${location.origin}${location.pathname}#${p}`
  try {
    await navigator.clipboard.writeText(url)
    notices.say('The link is copied.')
  } catch {
    notices.say(url)
  }
})

/** Types where one types: into the PC when that is in front. */
function type(keys: string): void {
  const view = layout.typist ?? console9
  view.type?.(keys)
  view.focus()
}
byId('del').addEventListener('click', () => type(DEL))
byId('load-cancel').addEventListener('click', () => console9.focus())
const reader = byId('reader')
reader.addEventListener('click', () => {
  const on = reader.getAttribute('aria-pressed') !== 'true'
  reader.setAttribute('aria-pressed', String(on))
  terminal.screenReader(on)
  console9.focus()
})
keyBar(byId('keys'), type)
takeDrops(byId('drop'), ws)

terminal.onRestart(() => {
  files.reset()
  aside.reset()
  ws.filesChanged()
})

/** Reports an end that nothing can be done about: the status line and a notice say what happened. */
function died(reason: string): void {
  status.kernel('stopped')
  notices.error(`The kernel has stopped: ${reason}. Reload the page to start it again.`)
}
worker.addEventListener('error', ev => died(ev.message || 'its worker could not be loaded'))

// A page that the browser keeps for going back must not keep the home directory from the next one.
addEventListener('pagehide', () => worker.terminate())
addEventListener('pageshow', ev => {
  if (ev.persisted) location.reload()
})

/** Milliseconds after the start: what the visitor asks for comes first. */
const LATER = 15_000

/** Has the page be kept for when there is no network. */
function offline(): void {
  if (import.meta.hot || !('serviceWorker' in navigator)) return
  // Where it cannot be (a private window, no room), the page works as well.
  setTimeout(() => void navigator.serviceWorker.register('./sw.js').catch(() => undefined), LATER)
}

const [nav] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
pack
  .then(bytes =>
    kernel.boot(
      transfer(
        {
          pack: bytes,
          base: document.baseURI,
          cons: cons.port2,
          patient: nav !== undefined && nav.type !== 'navigate',
          ...terminal.size(),
        },
        [bytes, cons.port2],
      ),
    ),
  )
  .then(
    ({ home }) => {
      started()
      void files.text('/proc/1/ns').then(
        text => {
          ns0 = text
        },
        () => undefined,
      )
      offline()
      status.kernel('running')
      status.home(home)
      ws.filesChanged()
    },
    (err: unknown) => died(err instanceof Error ? err.message : String(err)),
  )
if (!embedded) console9.focus()
