import type { Pane } from './pane.ts'

/** Several llmfs trees side by side. What it takes is loaded when it is first looked at. */
export const comparePane: Pane = {
  id: 'compare',
  title: 'Compare',
  place: 'main',
  mount(body, tools, ws) {
    const view = {
      made: undefined as Promise<import('./compare-view.ts').CompareView> | undefined,
      get() {
        this.made ??= import('./compare-view.ts').then(m => new m.CompareView(body, tools, ws))
        return this.made
      },
    }
    const failed = (err: unknown) => ws.notices.error(`Compare: ${err instanceof Error ? err.message : String(err)}`)
    return {
      focus: () => void view.get().then(v => v.focus(), failed),
      shown: () => void view.get().then(v => v.shown(), failed),
    }
  },
}
