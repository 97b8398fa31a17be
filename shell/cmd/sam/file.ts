import { Question } from './parse.ts'
import type { Range } from './pattern.ts'

/** What a change takes back: all of a file's state before it. */
interface State {
  seq: number
  text: string
  name: string
  dot: Range
  mark: Range
  mod: boolean
}

/** In places of the text before. */
interface Change {
  p1: number
  p2: number
  text: string
}

/** Where a range is when the changes before it are made. */
function shift({ p1, p2 }: Range, changes: Change[]): Range {
  let by = 0
  for (const c of changes) {
    if (c.p2 < p1) by += c.text.length
    if (c.p2 <= p1) by -= c.p2 - c.p1
  }
  return { p1: p1 + by, p2: p2 + by }
}

/** A file being edited. Its text is a string of bytes, and positions in it count bytes. */
export class File {
  name = ''
  text = ''
  dot: Range = { p1: 0, p2: 0 }
  /** Dot after the command that is under way. */
  ndot: Range = { p1: 0, p2: 0 }
  mark: Range = { p1: 0, p2: 0 }
  mod = false
  unread = true
  deleted = false
  /** It may be closed though it is modified: that was told. */
  closeok = true
  /** Of the change it shows; and of the one it showed when it was as its external file. */
  seq = 0
  cleanseq = 0
  /** Of the external file. */
  qid = -1n
  mtime = 0
  #before: State | undefined
  #changes: Change[] = []
  #newname: string | undefined
  /** Changes come in order: this is where the last one was. */
  #high = 0
  readonly #undo: State[] = []
  #redo: State[] = []

  get dirty(): boolean {
    return this.seq !== this.cleanseq
  }

  #state(): State {
    const { seq, text, name, dot, mark, mod } = this
    return { seq, text, name, dot, mark, mod }
  }

  #restore(s: State): void {
    Object.assign(this, s)
    this.ndot = this.dot
  }

  /** Before the first change that command `seq` makes. */
  #begin(seq: number): void {
    if (this.unread || this.seq >= seq) return
    this.#redo = []
    this.#before = this.#state()
    this.ndot = this.dot
    this.seq = seq
    this.#high = 0
  }

  /** Puts text in the place of a range when the command is done. @throws Question for changes that are not in order */
  change(seq: number, p1: number, p2: number, text: string): void {
    if (p1 === p2 && text === '') return
    this.#begin(seq)
    if (p1 < this.#high) throw new Question('changes not in sequence')
    this.#changes.push({ p1, p2, text })
    this.#high = p2
    this.mod = true
  }

  rename(seq: number, name: string): void {
    if (this.unread) {
      this.name = name
      return
    }
    this.#begin(seq)
    this.#newname = name
    this.mod = true
  }

  /** Makes the changes of a command that is done; whether there were any. */
  update(seq: number): boolean {
    const before = this.#before
    if (this.seq !== seq || before === undefined) return false
    this.dot = shift(this.ndot, this.#changes)
    this.mark = shift(this.mark, this.#changes)
    const parts: string[] = []
    let at = 0
    for (const { p1, p2, text } of this.#changes) {
      parts.push(this.text.slice(at, p1), text)
      at = p2
    }
    this.text = parts.join('') + this.text.slice(at)
    this.name = this.#newname ?? this.name
    this.#clear()
    this.#undo.push(before)
    this.closeok = !this.mod
    return true
  }

  #clear(): void {
    this.#before = undefined
    this.#changes = []
    this.#newname = undefined
  }

  /** The changes of command `seq` are not made. */
  backout(seq: number): void {
    if (this.seq !== seq || this.#before === undefined) return
    const { text, name } = this
    this.#restore({ ...this.#before, text, name })
    this.#clear()
  }

  /** The change to be undone, or done again; 0 for none. */
  undoseq(back: boolean): number {
    return back ? this.seq : (this.#redo[this.#redo.length - 1]?.seq ?? 0)
  }

  undo(back: boolean): void {
    const s = (back ? this.#undo : this.#redo).pop()
    if (s === undefined) return
    ;(back ? this.#redo : this.#undo).push(this.#state())
    this.#restore(s)
    this.closeok = !this.mod
  }
}
