import type { Pane } from './pane.ts'

/** The 9P messages of every connection, as they go. What it takes is loaded when it is first looked at. */
export const inspectorPane: Pane = {
  id: 'inspector',
  title: '9P',
  place: 'main',
  mount(body, tools, ws) {
    let made: Promise<import('./inspector-view.ts').InspectorView> | undefined
    let busy: (busy: boolean) => void = () => undefined
    const get = () => {
      made ??= import('./inspector-view.ts').then(m => new m.InspectorView(body, tools, ws, b => busy(b)))
      return made
    }
    const failed = (err: unknown) => ws.notices.error(`9P: ${err instanceof Error ? err.message : String(err)}`)
    return {
      focus: () => void get().then(v => v.focus(), failed),
      shown: () => void get().then(v => v.shown(), failed),
      onBusy(tell) {
        busy = tell
      },
    }
  },
}
