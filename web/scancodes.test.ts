import { expect, test } from 'vitest'
import { scancodes, typed } from './scancodes.ts'

test('keys as an AT keyboard has them', () => {
  expect(scancodes('Escape', true)).toEqual([1])
  expect(scancodes('KeyA', true)).toEqual([0x1e])
  expect(scancodes('KeyA', false)).toEqual([0x9e])
  expect(scancodes('Space', true)).toEqual([0x39])
  expect(scancodes('F10', true)).toEqual([0x44])
  expect(scancodes('IntlBackslash', true)).toEqual([0x56])
  expect(scancodes('F12', true)).toEqual([0x58])
  expect(scancodes('ArrowUp', false)).toEqual([0xe0, 0xc8])
  expect(scancodes('BrowserBack', true)).toEqual([])
  expect(scancodes('-', true)).toEqual([])
})

test('text as one types it', () => {
  expect(typed('aZ\n')).toEqual([0x1e, 0x9e, 0x2a, 0x2c, 0xac, 0xaa, 0x1c, 0x9c])
  expect(typed('{|}~?"')).toEqual([0x1a, 0x2b, 0x1b, 0x29, 0x35, 0x28].flatMap(c => [0x2a, c, c | 0x80, 0xaa]))
  expect(typed('\x04\x1b[A')).toEqual([0x1d, 0x20, 0xa0, 0x9d, 1, 0x81, 0x1a, 0x9a, 0x2a, 0x1e, 0x9e, 0xaa])
  expect(typed('\x1b[A')).toEqual([0xe0, 0x48, 0xe0, 0xc8])
  expect(typed("'/$\x7f\t")).toEqual([
    ...[0x28, 0xa8, 0x35, 0xb5, 0x2a, 5, 0x85, 0xaa, 0xe0, 0x53, 0xe0, 0xd3, 0x0f, 0x8f],
  ])
})
