import type { Workspace } from './panes/pane.ts'

const HOME = '/usr/glenda'

function bytes(n: number): string {
  return n < 1e6 ? `${Math.ceil(n / 1e3)} KB` : `${(n / 1e6).toFixed(1)} MB`
}

/** Writes files of the host's into /usr/glenda, one after another, and tells how it goes. */
export async function put(ws: Workspace, files: File[]): Promise<void> {
  for (const file of files) {
    const notice = ws.notices.begin(`${file.name}: ${bytes(file.size)}`)
    try {
      const name = await ws.files.put(HOME, file, done =>
        notice.progress(`${file.name}: ${bytes(done)} of ${bytes(file.size)}`, done / file.size),
      )
      const other = name === file.name ? '' : `: ${file.name} was there already`
      notice.end(`${HOME}/${name}${other}`)
    } catch (err) {
      notice.end(`${file.name}: ${err instanceof Error ? err.message : String(err)}`, true)
    }
  }
  if (files.length > 0) ws.filesChanged()
}

/** Takes files that are dropped anywhere on the page; `overlay` shows while some hover. */
export function takeDrops(overlay: HTMLElement, ws: Workspace): void {
  const carries = (ev: DragEvent) => ev.dataTransfer?.types.includes('Files') ?? false
  addEventListener('dragover', ev => {
    if (!carries(ev)) return
    ev.preventDefault()
    overlay.hidden = false
  })
  addEventListener('dragleave', ev => {
    if (ev.relatedTarget === null) overlay.hidden = true
  })
  addEventListener('drop', ev => {
    if (!carries(ev)) return
    ev.preventDefault()
    overlay.hidden = true
    const items = [...ev.dataTransfer!.items]
    const folders = items.filter(item => item.webkitGetAsEntry?.()?.isDirectory).map(item => item.getAsFile()?.name)
    for (const name of folders) ws.notices.error(`${name}: a folder; drop the files in it`)
    void put(
      ws,
      [...ev.dataTransfer!.files].filter(file => !folders.includes(file.name)),
    )
  })
}
