import type { Files } from '../files.ts'
import type { Notices } from '../notices.ts'

/** What the workspace offers to a pane. */
export interface Workspace {
  files: Files
  /** The same, by a connection that traces of 9P leave out. */
  aside: Files
  notices: Notices
  /** Types into the console. */
  type(keys: string): void
  /** Runs a program of the shell's in the console's name space, silently; gives its exit status. */
  run(...argv: string[]): Promise<string>
  /** Called when the colours have changed. */
  onTheme(f: () => void): void
  /** Called when files may have appeared or gone by the page's own doing. */
  onFiles(f: () => void): void
  filesChanged(): void
}

/** A pane at work. */
export interface PaneView {
  focus(): void
  /** Keys that the page has buttons for, when the pane takes keys. */
  type?(keys: string): void
  /** It is visible now, or its size may have changed. */
  shown?(): void
  /** What of it goes into a link: parameters of its own. */
  share?(): Record<string, string>
  /** Whether it goes on with something when it is not seen: its tab tells. */
  onBusy?(tell: (busy: boolean) => void): void
}

/** A part of the workspace: a module in web/panes, listed in main.ts. */
export interface Pane {
  /** In addresses and ids: one lower-case word. */
  id: string
  title: string
  /** Where it stands on a wide screen; panes of one place take turns, or share the main one. On a narrow one all take turns. */
  place: 'main' | 'side'
  /** The pane whose tab its own is to follow; without, it is the last. */
  after?: string
  /** Fills `body`; `tools` is the right end of the pane's title line, for buttons. */
  mount(body: HTMLElement, tools: HTMLElement, ws: Workspace): PaneView
}
