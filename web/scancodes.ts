/** Scan codes of a PC's keyboard, set 1: of KeyboardEvent.code, and of characters as a US keyboard has them. */

const RELEASE = 0x80
const EXTENDED = 0xe0

/** From 1 on, in order. */
const plain = (
  'Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab ' +
  'KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft ' +
  'KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash ' +
  'KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space CapsLock ' +
  'F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract ' +
  'Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal - - IntlBackslash F11 F12'
).split(' ')

const extended: Record<string, number> = {
  NumpadEnter: 0x1c,
  ControlRight: 0x1d,
  NumpadDivide: 0x35,
  AltRight: 0x38,
  Home: 0x47,
  ArrowUp: 0x48,
  PageUp: 0x49,
  ArrowLeft: 0x4b,
  ArrowRight: 0x4d,
  End: 0x4f,
  ArrowDown: 0x50,
  PageDown: 0x51,
  Insert: 0x52,
  Delete: 0x53,
  MetaLeft: 0x5b,
  MetaRight: 0x5c,
  ContextMenu: 0x5d,
}

/** What a key sends when it goes down or up; nothing: a PC has no such key. */
export function scancodes(code: string, down: boolean): number[] {
  const up = down ? 0 : RELEASE
  const more = extended[code]
  if (more !== undefined) return [EXTENDED, more | up]
  const at = plain.indexOf(code)
  return at < 0 || code === '-' ? [] : [(at + 1) | up]
}

/** The characters of keys in their order, without and with Shift; a blank is a key without one. */
const unshifted = "\x1b1234567890-=\b\tqwertyuiop[]\n asdfghjkl;'` \\zxcvbnm,./"
const shifted = ' !@#$%^&*()_+  QWERTYUIOP{}  ASDFGHJKL:"~ |ZXCVBNM<>?'
const escapes: Record<string, string> = {
  '\x1b[A': 'ArrowUp',
  '\x1b[B': 'ArrowDown',
  '\x1b[C': 'ArrowRight',
  '\x1b[D': 'ArrowLeft',
}

const press = (code: string) => [...scancodes(code, true), ...scancodes(code, false)]
const held = (by: string, code: string) => [...scancodes(by, true), ...press(code), ...scancodes(by, false)]

/** What is pressed and released to type a text; characters that no key has are left out. */
export function typed(text: string): number[] {
  const key = escapes[text]
  if (key !== undefined) return press(key)
  return Array.from(text.replaceAll('\r', '\n'), c => {
    if (c === ' ') return press('Space')
    if (c === '\x7f') return press('Delete')
    const low = unshifted.indexOf(c)
    if (low >= 0) return press(plain[low]!)
    const high = shifted.indexOf(c)
    if (high >= 0) return held('ShiftLeft', plain[high]!)
    if (c < ' ') return held('ControlLeft', `Key${String.fromCharCode(c.charCodeAt(0) + 64)}`)
    return []
  }).flat()
}
