import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { concat } from '../../plan9/9p/bit.ts'
import { World } from '../../tests/cmd/world.ts'
import { Random } from '../../tests/random.ts'

/** 9base has no file: expected by 9front's file(1) and file.c. */
const bytes = (s: string) => Uint8Array.from(s, c => c.charCodeAt(0))
const utf8 = (s: string) => new TextEncoder().encode(s)
const be = (...words: number[]) => concat(words.map(w => Uint8Array.of(w >>> 24, w >>> 16, w >>> 8, w)))
const le = (...words: number[]) => concat(words.map(w => Uint8Array.of(w, w >>> 8, w >>> 16, w >>> 24)))
const exec = (magic: number, entry = 0x1020) => be(magic, 8, 0, 0, 0, entry, 0, 0, 0, 0, 0, 0)
const at = (offset: number, s: string, size = offset + s.length) => {
  const b = new Uint8Array(size)
  b.set(bytes(s), offset)
  return b
}
const image = (chan: string, w: number, h: number) =>
  bytes([chan, '0', '0', `${w}`, `${h}`].map(f => `${f.padStart(11)} `).join(''))
const noise = new Random(1).bytes(5000).map(c => c || 1)

const program =
  '#include <u.h>\n#include <libc.h>\n\nvoid\nmain(int argc, char *argv[])\n{\n\tint i;\n\n\texits(nil);\n}\n'
const english =
  'It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife. ' +
  'However little known the feelings or views of such a man may be on his first entering a neighbourhood, this truth is ' +
  'so well fixed in the minds of the surrounding families.\n'

/** A llama2.c checkpoint of the first format, by its length. */
const [dim, hidden, layers, heads, kv, vocab, seq] = [8, 16, 2, 4, 2, 10, 6] as const
const legacy = (shared: boolean) => {
  const layer = 2 * dim + 2 * dim * dim + 2 * dim * (dim / heads) * kv + 3 * dim * hidden
  const words = vocab * dim * (shared ? 1 : 2) + layers * layer + dim + seq * (dim / heads)
  return concat([le(dim, hidden, layers, heads, kv, shared ? vocab : -vocab, seq), new Uint8Array(4 * words)])
}

const kinds: [what: string, data: Uint8Array, name: string, mime: string][] = [
  ['nothing', new Uint8Array(0), 'empty file', 'text/plain'],
  ['gzip', bytes('\x1f\x8b\x08'), 'gzip compressed', 'application/x-gzip'],
  ['bzip2', bytes('BZh91AY'), 'bzip2 compressed', 'application/x-bzip2'],
  ['zip', bytes('PK\x03\x04'), 'zip archive', 'application/zip'],
  ['wasm', bytes('\0asm\x01\0\0\0'), 'WebAssembly module', 'application/wasm'],
  ['gguf', bytes('GGUF\x03\0\0\0'), 'GGUF model', 'application/octet-stream'],
  ['ak42', le(0x616b3432, 1, 8), 'llama2.c checkpoint', 'application/octet-stream'],
  ['legacy', legacy(true), 'llama2.c checkpoint', 'application/octet-stream'],
  ['legacy, unshared', legacy(false), 'llama2.c checkpoint', 'application/octet-stream'],
  ['safetensors', bytes('\x40\0\0\0\0\0\0\0{"__metadata__":'), 'safetensors model', 'application/octet-stream'],
  ['png', bytes('\x89PNG\r\n\x1a\n'), 'PNG image', 'image/png'],
  ['jpeg', bytes('\xff\xd8\xff\xe0'), 'jpeg', 'image/jpeg'],
  ['mp3', bytes('\xff\xfb\x90\x64'), 'mp3 audio', 'audio/mpeg'],
  ['pdf', bytes('%PDF-1.4\n'), 'PDF', 'application/pdf'],
  ['man', bytes('.TH CAT 1\n'), 'manual page', 'text/troff'],
  ['troff', bytes('.de XX\n'), 'troff input', 'text/troff'],
  ['html', bytes('text <b>and</b> <p>more</p>\n'), 'HTML file', 'text/html'],
  ['td', bytes('TYPE=blit\nx'), 'blit picture', 'application/octet-stream'],
  ['386', exec(0x1eb), '386 plan 9 executable', 'application/octet-stream'],
  ['386 kernel', exec(0x1eb, 0xf0100020), '386 plan 9 boot image', 'application/octet-stream'],
  ['amd64', exec(0x8a97), 'amd64 plan 9 executable', 'application/octet-stream'],
  ['arm', exec(0x647), 'arm plan 9 executable', 'application/octet-stream'],
  ['arm64', exec(0x8c47), 'arm64 plan 9 executable', 'application/octet-stream'],
  ['mips', exec(0x407), 'mips plan 9 executable BE', 'application/octet-stream'],
  ['spim', exec(0x907), 'mips plan 9 executable LE', 'application/octet-stream'],
  ['power', exec(0x6eb), 'power plan 9 executable', 'application/octet-stream'],
  ['sparc', exec(0x2ab), 'sparc plan 9 executable', 'application/octet-stream'],
  ['68020', exec(0x107), '68020 plan 9 executable', 'application/octet-stream'],
  ['dlm', exec(0x800001eb), '386 plan 9 dlm', 'application/octet-stream'],
  ['.6', bytes('\x84\0\x79\x01<x.c\0'), 'amd64 .6 intermediate', 'application/octet-stream'],
  ['.5', bytes('\x4d\x11\x01<x.c\0\0\0'), 'arm .5 intermediate', 'application/octet-stream'],
  [
    'elf',
    concat([bytes('\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0'), new Uint8Array(40)]),
    'AMD64 ELF shared library',
    'application/x-elf-executable',
  ],
  [
    'elf, big',
    concat([bytes('\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\0\x14'), new Uint8Array(40)]),
    'PPC-32 ELF executable',
    'application/x-elf-executable',
  ],
  ['rc', bytes('#!/bin/rc\necho\n'), 'rc executable file', 'text/plain'],
  ['sh', bytes('#!/bin/sh -e\necho\n'), 'sh executable file', 'application/x-sh'],
  ['ape', bytes('#!/bin/ape/psh\necho\n'), 'unknown executable file', 'text/plain'],
  ['built in', bytes('#!js cat\n'), 'built-in executable file', 'text/plain'],
  ['wave', bytes('RIFF\0\0\0\0WAVEfmt '), 'wave audio', 'audio/wave'],
  ['aiff', bytes('FORM\0\0\0\0AIFFCOMM'), 'aiff audio', 'audio/x-aiff'],
  ['disk', at(0x1fe, '\x55\xaa', 1024), 'bootable disk image', 'application/octet-stream'],
  ['iso', at(32768, '\x01CD001\x01'), 'ISO9660 CD image', 'application/x-iso9660-image'],
  ['diff', bytes('diff -u a b\n--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n'), 'unified diff output', 'text/plain'],
  ['diff later', bytes('about diff\ndiff -u a b\n--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n'), 'English text', 'text/plain'],
  ['mail', bytes('From: a\nTo: b\nSubject: c\n\nbody\n'), 'email file', 'message/rfc822'],
  ['mbox', bytes('From glenda Thu Jan  1\nbody\n'), 'mail box', 'application/mbox'],
  ['c', bytes(program), 'c program', 'text/plain'],
  [
    'limbo',
    bytes('implement Echo;\ninclude "sys.m";\nEcho: module {\n init: fn(ctxt: ref Draw->Context);\n};\n'),
    'limbo program',
    'text/plain',
  ],
  ['as', bytes('TEXT main(SB), $0\n\tRET\nTEXT f(SB), $0\n\tRET\n'), 'as program', 'text/plain'],
  ['image', concat([image('k8', 10, 4), new Uint8Array(40)]), 'plan 9 image, depth 8, size 10x4', 'image/p9bit'],
  ['old image', concat([image('0', 10, 4), new Uint8Array(8)]), 'old plan 9 image, depth 1, size 10x4', 'image/p9bit'],
  [
    'compressed image',
    concat([bytes('compressed\n'), image('r8g8b8', 3, 4), bytes('xx')]),
    'Compressed plan 9 image or subfont, depth 24, size 3x4',
    'image/p9bit',
  ],
  [
    'subfont',
    concat([
      image('k1', 8, 2),
      new Uint8Array(2),
      bytes(['9', '12', '9'].map(f => `${f.padStart(11)} `).join('')),
      new Uint8Array(60),
    ]),
    'subfont file, depth 1, size 8x2',
    'image/p9bit',
  ],
  ['rtf', bytes('{\\rtf1\\ansi}'), 'rich text format', 'application/rtf'],
  ['exe', bytes('MZ\x90\0'), 'MSDOS executable', 'application/x-msdownload'],
  ['icon', bytes('\0\0\x01\0\x01\0\x10\x10\0\0\x01'), 'Microsoft icon file', 'image/x-icon'],
  ['face', bytes('0x0123,0x4567,0x89AB,\n'.repeat(3)), 'face image depth 1', 'application/x-face'],
  [
    'ogg',
    at(29, 'vorbis', 60).with(0, 79).with(1, 103).with(2, 103).with(3, 83),
    'Ogg Vorbis I profile',
    'audio/ogg;codecs=vorbis',
  ],
  ['mp4', bytes('\0\0\0\x18ftypisom\0'), 'mp4 video', 'video/mp4'],
  ['noise', noise.filter(c => c !== 0xff), 'encrypted', 'application/octet-stream'],
  ['english', bytes(english), 'English text', 'text/plain'],
  ['ascii', bytes('0123456789\n'.repeat(20)), 'Ascii', 'text/plain'],
  ['short', bytes('12 34\n'), 'short Ascii', 'text/plain'],
  ['control', bytes('\x01\x02\x03 12\n'), 'short extended ascii', 'text/plain'],
  ['latin', utf8('12 é 34\n'), 'short latin ascii', 'text/plain'],
  ['greek', utf8('αβγ and a\n'), 'short Ascii & Greek text', 'text/plain'],
  ['three', utf8('αβγ дом あ\n'), 'short Greek & Cyrillic & Japanese text', 'text/plain'],
  ['four', utf8('αβγ дом あ שלום\n'), 'short binary', 'application/octet-stream'],
  ['kanji', utf8('日本\n'), 'short UTF text', 'text/plain'],
  ['utf-8 with a mark', utf8('\ufeffαβγ\n'), 'short Greek text', 'text/plain'],
  ['utf-16', Uint8Array.of(0xff, 0xfe, 0xb1, 3, 0xb2, 3), 'utf-16le short Greek text', 'text/plain'],
  ['nul', bytes('\0\0\0\0'), 'short binary', 'application/octet-stream'],
]

describe('file', () => {
  const world = new World({})
  for (const [i, [, data]] of kinds.entries()) world.tree.add(`/w/f${i}`, data)
  it.each(kinds.map(([what, , name, mime], i) => [what, i, name, mime] as const))('%s', async (_, i, name, mime) => {
    expect((await world.run(['file', `f${i}`], '', '/w')).stdout).toBe(`f${i}: ${name}\n`)
    expect((await world.run(['file', '-m', `f${i}`], '', '/w')).stdout).toBe(`${mime}\n`)
  })
})

it('names stand in a column; standard input is stdin; what cannot be opened is told', async () => {
  const w = new World({ '/w/a': 'GIF89a', '/w/ünï': '' })
  const r = await w.run(['file', 'a', 'ünï', '/w', '/dev'], '', '/w')
  expect(r.stdout).toBe('a:    GIF image\nünï:  empty file\n/w:   directory\n/dev: directory\n')
  expect((await w.run(['file', '-m', 'a', '/w'], '', '/w')).stdout).toBe(
    'a:  image/gif\n/w: application/octet-stream\n',
  )
  expect((await w.run(['file'], 'GIF')).stdout).toBe('stdin: GIF image\n')
  expect((await w.pipe([['cat', '/w/a'], ['file']])).stdout).toBe('stdin: GIF image\n')
  const bad = await w.run(['file', 'nosuch', 'a'], '', '/w')
  expect(bad.stdout).toBe('nosuch: a:      GIF image\n')
  expect(bad.stderr).toMatch(/^cannot open: .*does not exist/)
  expect(await w.run(['file', '-x'])).toMatchObject({ stderr: 'usage: file [-m] [file...]\n', status: 'usage' })
})

it('what our own commands make', async () => {
  const w = new World({ '/w/a': english })
  await w.run(['tar', 'cf', 't', 'a'], '', '/w')
  await w.run(['tar', 'cPf', 'old', 'a'], '', '/w')
  await w.run(['gzip', 'a'], '', '/w')
  await w.run(['zip', '-f', 'z', 'a'], '', '/w')
  expect((await w.run(['file', 't', 'old', 'a.gz', 'z'], '', '/w')).stdout).toBe(
    't:    posix tar archive\nold:  tar archive\na.gz: gzip compressed\nz:    zip archive\n',
  )
})

it('a font is one whose subfonts are there', async () => {
  const w = new World({ '/w/x.font': '14 11\n0x0000 0x007f lat.0\n0x80\t0xff\tlat2\n', '/w/lat.0': 'x' })
  expect((await w.run(['file', '/w/x.font'])).stdout).toBe('/w/x.font: short Ascii\n')
  w.tree.add('/w/lat2.0', 'x')
  expect((await w.run(['file', '/w/x.font'])).stdout).toBe('/w/x.font: font file\n')
})

it('our own sources are programs and manual pages', async () => {
  const read = (p: string) => readFileSync(fileURLToPath(new URL(`../../${p}`, import.meta.url)))
  const w = new World({
    '/w/man': new Uint8Array(read('plan9/root/sys/man/1/tar')),
    '/w/lc': new Uint8Array(read('plan9/root/rc/bin/lc')),
  })
  expect((await w.run(['file', 'man', 'lc'], '', '/w')).stdout).toBe('man: manual page\nlc:  rc executable file\n')
})

it('any bytes are something', async () => {
  const w = new World({ '/w/x': '' })
  for (let i = 0; i < 300; i++) {
    const b =
      i % 2 ? noise.slice(i, i + (i % 90)) : concat([kinds[i % kinds.length]![1].slice(0, 40), noise.slice(i, 2 * i)])
    w.tree.add('/w/x', b)
    const r = await w.run(['file', '/w/x'])
    expect([r.stdout, r.status]).toEqual([expect.stringMatching(/^\/w\/x: \S.*\n$/), ''])
  }
})
