/** Ranges that a terminal gives two columns, in ascending order: East Asian wide and full-width. */
const wide: [number, number][] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x20000, 0x2fffd],
  [0x30000, 0x3fffd],
]

const combining = /^[\p{Mn}\p{Me}\p{Cf}]$/u

const emojis = /^\p{Emoji_Presentation}$/u

/**
 * Columns of one character: 0 for what combines with the one before, 2 for wide ones, else 1. Without `emoji` as xterm.js
 * counts, to which an emoji is a character like others.
 */
export function width(ch: string, emoji = false): number {
  const c = ch.codePointAt(0)!
  if (c < 0x300) return 1
  if (combining.test(ch)) return 0
  return wide.some(([from, to]) => c >= from && c <= to) || (emoji && emojis.test(ch)) ? 2 : 1
}
