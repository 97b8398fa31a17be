import { printable } from './engine/tokenizer.ts'

/**
 * The pieces that a tokenizer decodes to, made into text that is always whole UTF-8.
 *
 * A piece of one byte is a byte token's: a control character is dropped, as llama2.c's safe_printf does. Differs: llama2.c drops
 * every single byte that is not ASCII too; here the bytes of one character wait for each other, and only those that never make
 * one are dropped.
 */
export class Text {
  #held: number[] = []
  #need = 0
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  /** What `piece` adds to the text: '' while a character is incomplete. */
  add(piece: Uint8Array): string {
    if (piece.length === 0) return ''
    if (piece.length > 1) {
      this.#drop()
      return this.#decode(piece)
    }
    const byte = piece[0]!
    if (byte < 0x80) {
      this.#drop()
      return printable(piece) ? String.fromCharCode(byte) : ''
    }
    if (byte >= 0xc0) {
      this.#drop()
      this.#need = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf8 ? 4 : 0
      if (this.#need > 0) this.#held.push(byte)
      return ''
    }
    if (this.#need === 0) return ''
    this.#held.push(byte)
    if (this.#held.length < this.#need) return ''
    const whole = this.#decode(Uint8Array.from(this.#held))
    this.#drop()
    return whole
  }

  #drop(): void {
    this.#held = []
    this.#need = 0
  }

  /** Bytes that are no UTF-8 give nothing. */
  #decode(bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes)
    } catch {
      return ''
    }
  }
}
