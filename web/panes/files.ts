import { DMAPPEND, DMDIR, DMEXCL, DMTMP } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import { h } from '../dom.ts'
import { put } from '../drop.ts'
import { Echanged } from '../files.ts'
import type { Editor } from './editor.ts'
import type { Pane, Workspace } from './pane.ts'

/** Bytes of a file that is shown, at most. */
const SHOW = 256 * 1024

/** As ls -l has it. */
export function modetext(mode: number): string {
  const type = mode & DMDIR ? 'd' : mode & DMAPPEND ? 'a' : '-'
  const excl = mode & DMEXCL ? 'l' : '-'
  const bits = [6, 3, 0].map(shift => {
    const b = mode >> shift
    return (b & 4 ? 'r' : '-') + (b & 2 ? 'w' : '-') + (b & 1 ? 'x' : '-')
  })
  return type + (mode & DMTMP ? 't' : excl) + bits.join('')
}

function sizetext(n: bigint): string {
  if (n < 10_000n) return String(n)
  const units = ['K', 'M', 'G', 'T']
  let v = Number(n) / 1024
  let unit = 0
  while (v >= 1000 && unit < units.length - 1) {
    v /= 1024
    unit++
  }
  return `${v < 10 ? v.toFixed(1) : Math.round(v)}${units[unit]}`
}

const join = (dir: string, name: string) => (dir === '/' ? `/${name}` : `${dir}/${name}`)
const message = (err: unknown) => (err instanceof Error ? err.message : String(err))

/** A file in the tree: its element, and for a directory the list of its children. */
class Item {
  readonly path: string
  readonly dir: Dir | undefined
  readonly el: HTMLElement
  readonly row: HTMLElement
  readonly group: HTMLElement | undefined

  constructor(path: string, name: string, dir: Dir | undefined, level: number) {
    const isdir = !dir || (dir.mode & DMDIR) !== 0
    this.path = path
    this.dir = dir
    this.row = h(
      'div',
      { class: 'row' },
      h('span', { class: 'twist', 'aria-hidden': 'true' }),
      h('span', { class: 'name' }, isdir && path !== '/' ? `${name}/` : name),
      h('span', { class: 'size' }, dir && !isdir ? sizetext(dir.length) : ''),
      h('span', { class: 'mode' }, dir ? modetext(dir.mode) : ''),
    )
    this.row.style.setProperty('--level', String(level))
    this.el = h(
      'li',
      { role: 'treeitem', 'aria-level': String(level), tabindex: '-1', 'aria-selected': 'false', 'data-path': path },
      this.row,
    )
    if (isdir) {
      this.el.setAttribute('aria-expanded', 'false')
      this.group = h('ul', { role: 'group' })
      this.el.append(this.group)
    }
  }

  get expanded(): boolean {
    return this.el.getAttribute('aria-expanded') === 'true'
  }
}

class FileTree {
  readonly el: HTMLElement
  private readonly ws: Workspace
  private readonly items = new Map<HTMLElement, Item>()
  private readonly root: Item
  private current: Item
  private readonly open: (item: Item) => void
  private typed = ''
  private typedAt = 0

  constructor(ws: Workspace, open: (item: Item) => void) {
    this.ws = ws
    this.open = open
    this.root = this.item('/', '/', undefined, 1)
    this.current = this.root
    this.root.el.tabIndex = 0
    this.el = h('ul', { class: 'tree', role: 'tree', 'aria-label': 'Files' }, this.root.el)
    this.el.addEventListener('keydown', ev => this.key(ev))
    this.el.addEventListener('click', ev => {
      const item = this.itemOf(ev.target)
      if (!item) return
      this.select(item)
      this.activate(item)
    })
  }

  private item(path: string, name: string, dir: Dir | undefined, level: number): Item {
    const item = new Item(path, name, dir, level)
    this.items.set(item.el, item)
    return item
  }

  private itemOf(target: EventTarget | null): Item | undefined {
    const el = target instanceof Element ? target.closest<HTMLElement>('[role=treeitem]') : null
    return el ? this.items.get(el) : undefined
  }

  focus(): void {
    this.current.el.focus()
  }

  private select(item: Item): void {
    this.current.el.tabIndex = -1
    this.current.el.setAttribute('aria-selected', 'false')
    this.current = item
    item.el.tabIndex = 0
    item.el.setAttribute('aria-selected', 'true')
    item.el.focus()
    item.row.scrollIntoView({ block: 'nearest' })
  }

  private activate(item: Item): void {
    if (!item.group) this.open(item)
    else if (item.expanded) item.el.setAttribute('aria-expanded', 'false')
    else void this.expand(item)
  }

  private async expand(item: Item, open?: ReadonlySet<string>): Promise<void> {
    item.el.setAttribute('aria-expanded', 'true')
    await this.read(item, open)
  }

  /** Reads a directory again; directories below that were open stay so. */
  private async read(item: Item, were?: ReadonlySet<string>): Promise<void> {
    const { group } = item
    if (!group) return
    const level = Number(item.el.getAttribute('aria-level')) + 1
    const open =
      were ??
      new Set(
        [...group.querySelectorAll<HTMLElement>('[role=treeitem]')].flatMap(el => {
          const below = this.items.get(el)
          return below?.expanded ? [below.path] : []
        }),
      )
    let rows: Item[]
    try {
      const dirs = await this.ws.files.list(item.path)
      // A union shows a name once: the first is the one that a walk finds.
      const byName = new Map<string, Dir>()
      for (const d of dirs) if (!byName.has(d.name)) byName.set(d.name, d)
      const sorted = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
      rows = sorted.map(d => this.item(join(item.path, d.name), d.name, d, level))
    } catch (err) {
      for (const el of [...group.children]) this.drop(el as HTMLElement)
      const row = h('div', { class: 'row note' }, message(err))
      row.style.setProperty('--level', String(level))
      group.replaceChildren(h('li', { role: 'none' }, row))
      return
    }
    const focused = group.contains(document.activeElement) ? this.current.path : undefined
    for (const el of [...group.children]) this.drop(el as HTMLElement)
    group.replaceChildren(...rows.map(row => row.el))
    if (rows.length === 0) {
      const row = h('div', { class: 'row note' }, 'empty')
      row.style.setProperty('--level', String(level))
      group.append(h('li', { role: 'none' }, row))
    }
    await Promise.all(rows.filter(row => open.has(row.path)).map(row => this.expand(row, open)))
    if (!this.current.el.isConnected) {
      const again = [...this.items.values()].find(i => i.path === (focused ?? this.current.path)) ?? item
      if (focused !== undefined) this.select(again)
      else {
        this.current = again
        again.el.tabIndex = 0
      }
    }
  }

  private drop(el: HTMLElement): void {
    this.items.delete(el)
    for (const below of el.querySelectorAll<HTMLElement>('[role=treeitem]')) this.items.delete(below)
  }

  private children(item: Item): Item[] {
    const els = item.group ? ([...item.group.children] as HTMLElement[]) : []
    return els.flatMap(el => this.items.get(el) ?? [])
  }

  async refresh(): Promise<void> {
    if (this.root.expanded) await this.read(this.root)
    else await this.expand(this.root)
  }

  /** Opens the directories on the way to `path`. */
  async reveal(path: string): Promise<void> {
    let at = this.root
    for (;;) {
      if (!at.expanded) await this.expand(at)
      const next = this.children(at).find(c => path === c.path || path.startsWith(`${c.path}/`))
      if (!next?.group) return
      at = next
    }
  }

  private visible(): Item[] {
    const all = [...this.el.querySelectorAll<HTMLElement>('[role=treeitem]')]
    return all.filter(el => !el.parentElement!.closest('[aria-expanded=false]')).flatMap(el => this.items.get(el) ?? [])
  }

  private key(ev: KeyboardEvent): void {
    if (ev.ctrlKey || ev.altKey || ev.metaKey) return
    const item = this.current
    const shown = this.visible()
    const at = shown.indexOf(item)
    const go = (to: Item | undefined) => to && this.select(to)
    switch (ev.key) {
      case 'ArrowDown':
        go(shown[at + 1])
        break
      case 'ArrowUp':
        go(shown[at - 1])
        break
      case 'Home':
        go(shown[0])
        break
      case 'End':
        go(shown.at(-1))
        break
      case 'ArrowRight':
        if (item.group && !item.expanded) void this.expand(item)
        else go(this.children(item)[0])
        break
      case 'ArrowLeft':
        if (item.expanded) item.el.setAttribute('aria-expanded', 'false')
        else go(this.itemOf(item.el.parentElement))
        break
      case 'Enter':
      case ' ':
        this.activate(item)
        break
      default:
        if (ev.key.length !== 1) return
        go(this.typeahead(ev, shown, at))
    }
    ev.preventDefault()
  }

  private typeahead(ev: KeyboardEvent, shown: Item[], at: number): Item | undefined {
    this.typed = ev.timeStamp - this.typedAt < 700 ? this.typed + ev.key : ev.key
    this.typedAt = ev.timeStamp
    const from = this.typed.length > 1 ? at : at + 1
    const order = [...shown.slice(from), ...shown.slice(0, from)]
    return order.find(i => i.path.slice(i.path.lastIndexOf('/') + 1).startsWith(this.typed))
  }
}

/** The name space of the console, lazily; a file's text; a way out to the host, and in. */
export const filesPane: Pane = {
  id: 'files',
  title: 'Files',
  place: 'side',
  mount(body, tools, ws) {
    const name = h('span', { class: 'viewer-name' })
    const text = h('pre', { class: 'viewer-text', tabindex: '0' })
    const save = h('button', { type: 'button', class: 'tool', title: 'Save this file outside' }, 'Download')
    const edit = h('button', { type: 'button', class: 'tool' }, 'Edit')
    const put9 = h(
      'button',
      { type: 'button', class: 'tool', title: 'Save (Ctrl-S)', disabled: '', hidden: '' },
      'Save',
    )
    const editing = h('div', { class: 'viewer-editor', hidden: '' })
    const close = h('button', { type: 'button', class: 'tool', 'aria-label': 'Close the file' }, '×')
    const viewer = h(
      'section',
      { class: 'viewer', 'aria-label': 'File' },
      h('header', { class: 'tag' }, name, h('div', { class: 'pane-tools' }, edit, put9, save, close)),
      text,
      editing,
    )
    viewer.hidden = true
    let shown: Item | undefined
    let editor: Editor | undefined
    /** The file as it was when its text was read. */
    let was: Dir | undefined

    /** Lets go of the text that is edited. False: its user wants to keep it. */
    function leave(): boolean {
      if (editor?.dirty && !confirm(`${shown?.path} is not saved. Leave it?`)) return false
      editor?.destroy()
      editor = undefined
      editing.hidden = put9.hidden = true
      text.hidden = false
      return true
    }

    async function change(): Promise<void> {
      const item = shown
      if (!item) return
      try {
        const [{ Editor }, dir] = await Promise.all([import('./editor.ts'), ws.files.stat(item.path)])
        if (dir.length > BigInt(SHOW)) throw new Error(`${sizetext(dir.length)} bytes: too long to edit here`)
        let now: string
        try {
          now = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await ws.files.read(item.path))
        } catch (err) {
          throw err instanceof TypeError ? new Error('not text') : err
        }
        if (shown !== item || editor) return
        was = dir
        text.hidden = edit.hidden = true
        editing.hidden = put9.hidden = viewer.hidden = false
        put9.disabled = true
        editor = new Editor(
          editing,
          item.path,
          now,
          () => void keep(),
          dirty => {
            put9.disabled = !dirty
          },
        )
      } catch (err) {
        ws.notices.error(`${item.path}: ${message(err)}`)
      }
    }

    /** Writes the text. What cannot be written stays in the editor. */
    async function keep(): Promise<void> {
      const item = shown
      const e = editor
      if (!item || !e) return
      const now = e.text
      try {
        try {
          was = await ws.files.replace(item.path, now, was)
        } catch (err) {
          if (message(err) !== Echanged) throw err
          if (!confirm(`${item.path} has been changed by somebody else. Write over it?`)) return
          was = await ws.files.replace(item.path, now, undefined)
        }
        e.saved(now)
        put9.disabled = !e.dirty
        ws.notices.say(`${item.path}: saved`)
        ws.filesChanged()
      } catch (err) {
        ws.notices.error(`${item.path}: ${message(err)}`)
      }
    }

    async function show(item: Item): Promise<void> {
      if (editor && item.path === shown?.path) return
      if (!leave()) return
      shown = item
      edit.hidden = false
      name.textContent = item.path
      viewer.hidden = false
      viewer.classList.remove('is-note')
      const note = (s: string) => {
        viewer.classList.add('is-note')
        text.textContent = s
      }
      const length = item.dir?.length ?? 0n
      save.hidden = length === 0n
      if (length === 0n) return note('Its length is 0: an empty file, or one that is made as it is read. Use cat.')
      if (length > BigInt(SHOW)) {
        edit.hidden = true
        return note(`${sizetext(length)} bytes: too long to show here.`)
      }
      note('…')
      try {
        const bytes = await ws.files.read(item.path)
        if (shown !== item) return
        if (bytes.includes(0)) {
          edit.hidden = true
          return note(`${sizetext(length)} bytes, not text. xd shows them.`)
        }
        viewer.classList.remove('is-note')
        text.textContent = new TextDecoder().decode(bytes)
        text.scrollTop = 0
      } catch (err) {
        if (shown === item) note(message(err))
      }
    }

    async function download(): Promise<void> {
      if (!shown) return
      try {
        const bytes = await ws.files.read(shown.path)
        const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)]))
        h('a', { href: url, download: shown.path.slice(shown.path.lastIndexOf('/') + 1) }).click()
        setTimeout(() => URL.revokeObjectURL(url), 10_000)
      } catch (err) {
        ws.notices.error(`${shown.path}: ${message(err)}`)
      }
    }

    const tree = new FileTree(ws, item => void show(item))
    const refresh = h('button', { type: 'button', class: 'tool', title: 'Read the tree again' }, 'Refresh')
    const add = h('button', { type: 'button', class: 'tool', title: 'Put a file into /usr/glenda' }, 'Add…')
    const pick = h('input', { type: 'file', multiple: '', hidden: '' })
    const update = () => void tree.refresh().then(() => tree.reveal('/usr/glenda'))
    refresh.addEventListener('click', () => void tree.refresh())
    add.addEventListener('click', () => pick.click())
    pick.addEventListener('change', () => {
      const list = pick.files ? [...pick.files] : []
      pick.value = ''
      void put(ws, list)
    })
    save.addEventListener('click', () => void download())
    edit.addEventListener('click', () => void change())
    put9.addEventListener('click', () => void keep())
    addEventListener('beforeunload', ev => {
      if (editor?.dirty) ev.preventDefault()
    })
    close.addEventListener('click', () => {
      if (!leave()) return
      viewer.hidden = true
      shown = undefined
      tree.focus()
    })
    ws.onFiles(update)
    tools.append(add, refresh)
    body.append(h('div', { class: 'tree-scroll' }, tree.el), viewer)
    return { focus: () => tree.focus() }
  },
}
