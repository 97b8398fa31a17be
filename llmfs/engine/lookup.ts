/** Guesses at once, at most. */
const MOST = 7
/** Tokens after which guessing is tried again where it was of no use. */
const PAUSE = 24

/**
 * Prompt lookup: guesses what tokens come next from where the last few stood before, in the prompt or in what was made since.
 * A guess is checked by the forward pass that its place needs anyway, with others in one batch, so a wrong one costs little and
 * changes nothing.
 */
export class Lookup {
  private readonly tokens: number[]
  /** Three tokens in a row, and the place of the token after them, the last such. */
  private readonly places = new Map<string, number>()
  private reach = 2
  private pause = 0
  /** What was guessed last and how many tokens have come since, all of them right so far. */
  private guessed: number[] = []
  private right = 0

  constructor(prompt: readonly number[]) {
    this.tokens = []
    for (const token of prompt) this.note(token)
  }

  private key(end: number): string {
    return `${this.tokens[end - 3]} ${this.tokens[end - 2]} ${this.tokens[end - 1]}`
  }

  private note(token: number): void {
    const end = this.tokens.length
    if (end >= 3) this.places.set(this.key(end), end)
    this.tokens.push(token)
  }

  /** A token was drawn. */
  add(token: number): void {
    this.note(token)
    if (this.pause > 0) this.pause--
    if (this.guessed.length === 0) return
    if (this.guessed[this.right] === token && ++this.right < this.guessed.length) return
    // The guesses are used up. As many right as wrong pay for the work.
    this.reach = 2 * this.right > this.guessed.length ? Math.min(2 * this.reach, MOST) : this.reach >> 1
    if (this.reach === 0) {
      this.pause = PAUSE
      this.reach = 1
    }
    this.guessed = []
  }

  /** The tokens that may come next, `most` at most; none where there is nothing to go by. */
  guesses(most: number): readonly number[] {
    this.guessed = []
    this.right = 0
    const end = this.tokens.length
    if (this.pause > 0 || end < 3) return []
    const place = this.places.get(this.key(end))
    if (place === undefined || place >= end) return []
    this.guessed = this.tokens.slice(place, place + Math.min(most, this.reach))
    return this.guessed
  }
}
