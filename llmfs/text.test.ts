import { expect, test } from 'vitest'
import { Text } from './text.ts'

const add = (...pieces: number[][]) => {
  const text = new Text()
  return pieces.map(p => text.add(Uint8Array.from(p)))
}

test('the bytes of a character wait for each other', () => {
  expect(add([0xe6], [0x97], [0xa5], [0x41])).toEqual(['', '', '日', 'A'])
  expect(add([0xf0], [0x9f], [0x90], [0x88])).toEqual(['', '', '', '🐈'])
})

test('bytes that make no character are dropped, and what follows is kept', () => {
  expect(add([0xe6], [0x41], [0x97])).toEqual(['', 'A', ''])
  expect(add([0xc3], [0xc3], [0xa9])).toEqual(['', '', 'é'])
  expect(add([0x80], [0xff], [0x80], [0x42])).toEqual(['', '', '', 'B'])
  expect(add([0xc0], [0x80])).toEqual(['', ''])
  expect(add([0xe6], [0x20, 0x61])).toEqual(['', ' a'])
})

test('single control characters are dropped, white space is kept', () => {
  expect(add([0x0a], [0x09], [0x1b], [0x7f], [0x08], [])).toEqual(['\n', '\t', '', '', '', ''])
})
