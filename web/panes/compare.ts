import type { CompareView } from './compare-view.ts'
import type { Pane } from './pane.ts'

/** Several llmfs trees side by side. What it takes is loaded when it is first looked at. */
export const comparePane: Pane = {
  id: 'compare',
  title: 'Compare',
  place: 'main',
  mount(body, tools, ws) {
    let made: CompareView | undefined
    let making: Promise<CompareView> | undefined
    const view = {
      get() {
        making ??= import('./compare-view.ts').then(m => {
          made = new m.CompareView(body, tools, ws)
          return made
        })
        return making
      },
    }
    const failed = (err: unknown) => ws.notices.error(`Compare: ${err instanceof Error ? err.message : String(err)}`)
    return {
      focus: () => void view.get().then(v => v.focus(), failed),
      shown: () => void view.get().then(v => v.shown(), failed),
      share: () => made?.share() ?? {},
    }
  },
}
