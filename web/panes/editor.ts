import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { EditorState } from '@codemirror/state'
import { drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view'

/** A text that is being edited. Tab leaves after Escape, as CodeMirror has it. */
export class Editor {
  private readonly view: EditorView
  private kept: string

  /** `save` is called for Ctrl-S; `changed` when there is something to be saved, or not any more. */
  constructor(parent: HTMLElement, name: string, text: string, save: () => void, changed: (dirty: boolean) => void) {
    this.kept = text
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          EditorState.tabSize.of(8),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': `Text of ${name}` }),
          EditorView.updateListener.of(u => {
            if (u.docChanged) changed(this.dirty)
          }),
          keymap.of([
            {
              key: 'Mod-s',
              preventDefault: true,
              run: () => {
                save()
                return true
              },
            },
            indentWithTab,
            ...defaultKeymap,
            ...historyKeymap,
          ]),
        ],
      }),
    })
    this.view.focus()
  }

  get text(): string {
    return this.view.state.doc.toString()
  }

  get dirty(): boolean {
    return this.text !== this.kept
  }

  /** So much of it is in the file now. */
  saved(text: string): void {
    this.kept = text
  }

  destroy(): void {
    this.view.destroy()
  }
}
