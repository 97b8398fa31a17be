import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../error.ts'
import { changes, convD2M, convM2D, convM2Ds, type Dir, nulldir } from './dir.ts'
import { convM2S, convS2M, type Fcall } from './fcall.ts'
import { fcallfmt, parsefcall } from './fmt.ts'

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(/\s/g, '').match(/../g) ?? [], h => Number.parseInt(h, 16))
const hex = (b: Uint8Array): string => Array.from(b, x => x.toString(16).padStart(2, '0')).join('')

/** Written by hand from section 5 of the manual: each field has a value of its own, so that none can stand for another. */
const golden: [Fcall, string][] = [
  [{ type: 100, tag: 0x0201, msize: 0x06050403, version: '9P2000' }, '13000000 64 0102 03040506 0600 395032303030'],
  [{ type: 101, tag: 0x1211, msize: 0x16151413, version: '9P' }, '0f000000 65 1112 13141516 0200 3950'],
  [
    { type: 102, tag: 0x2221, afid: 0x26252423, uname: 'glenda', aname: 'src' },
    '18000000 66 2122 23242526 0600 676c656e6461 0300 737263',
  ],
  [
    { type: 103, tag: 0x3231, aqid: { type: 0x08, vers: 0x36353433, path: 0x3e3d3c3b3a393837n } },
    '14000000 67 3132 08 33343536 3738393a3b3c3d3e',
  ],
  [
    { type: 104, tag: 0x4241, fid: 0x46454443, afid: 0x4a494847, uname: 'ken', aname: 'ab' },
    '18000000 68 4142 43444546 4748494a 0300 6b656e 0200 6162',
  ],
  [
    { type: 105, tag: 0x5251, qid: { type: 0x80, vers: 0x56555453, path: 0x5e5d5c5b5a595857n } },
    '14000000 69 5152 80 53545556 5758595a5b5c5d5e',
  ],
  [{ type: 107, tag: 0x6261, ename: 'no é' }, '0e000000 6b 6162 0500 6e6f20c3a9'],
  [{ type: 108, tag: 0x7271, oldtag: 0x7473 }, '09000000 6c 7172 7374'],
  [{ type: 109, tag: 0x8281 }, '07000000 6d 8182'],
  [
    { type: 110, tag: 0x9291, fid: 0x96959493, newfid: 0x9a999897, wname: ['x', 'usr'] },
    '19000000 6e 9192 93949596 9798999a 0200 0100 78 0300 757372',
  ],
  [
    {
      type: 111,
      tag: 0xa2a1,
      wqid: [
        { type: 0x80, vers: 0xa6a5a4a3, path: 0xaeadacabaaa9a8a7n },
        { type: 0x40, vers: 0xb6b5b4b3, path: 0xbebdbcbbbab9b8b7n },
      ],
    },
    '23000000 6f a1a2 0200 80 a3a4a5a6 a7a8a9aaabacadae 40 b3b4b5b6 b7b8b9babbbcbdbe',
  ],
  [{ type: 112, tag: 0xb2b1, fid: 0xb6b5b4b3, mode: 0x51 }, '0c000000 70 b1b2 b3b4b5b6 51'],
  [
    { type: 113, tag: 0xc2c1, qid: { type: 0x20, vers: 0xc6c5c4c3, path: 0xcecdcccbcac9c8c7n }, iounit: 0xd2d1d0cf },
    '18000000 71 c1c2 20 c3c4c5c6 c7c8c9cacbcccdce cfd0d1d2',
  ],
  [
    { type: 114, tag: 0xd2d1, fid: 0xd6d5d4d3, name: 'new', perm: 0xdad9d8d7, mode: 0x12 },
    '15000000 72 d1d2 d3d4d5d6 0300 6e6577 d7d8d9da 12',
  ],
  [
    { type: 115, tag: 0xe2e1, qid: { type: 0x04, vers: 0xe6e5e4e3, path: 0xeeedecebeae9e8e7n }, iounit: 0xf2f1f0ef },
    '18000000 73 e1e2 04 e3e4e5e6 e7e8e9eaebecedee eff0f1f2',
  ],
  [
    { type: 116, tag: 0xf2f1, fid: 0xf6f5f4f3, offset: 0xfefdfcfbfaf9f8f7n, count: 0x04030201 },
    '17000000 74 f1f2 f3f4f5f6 f7f8f9fafbfcfdfe 01020304',
  ],
  [{ type: 117, tag: 0x0605, data: bytes('0007ff') }, '0e000000 75 0506 03000000 0007ff'],
  [
    { type: 118, tag: 0x1615, fid: 0x1a191817, offset: 0x2221201f1e1d1c1bn, data: bytes('2324') },
    '19000000 76 1516 1718191a 1b1c1d1e1f202122 02000000 2324',
  ],
  [{ type: 119, tag: 0x2625, count: 0x2a292827 }, '0b000000 77 2526 2728292a'],
  [{ type: 120, tag: 0x3635, fid: 0x3a393837 }, '0b000000 78 3536 3738393a'],
  [{ type: 121, tag: 0x4645 }, '07000000 79 4546'],
  [{ type: 122, tag: 0x5655, fid: 0x5a595857 }, '0b000000 7a 5556 5758595a'],
  [{ type: 123, tag: 0x6665 }, '07000000 7b 6566'],
  [{ type: 124, tag: 0x7675, fid: 0x7a797877 }, '0b000000 7c 7576 7778797a'],
  [{ type: 125, tag: 0x8685, stat: bytes('878889') }, '0c000000 7d 8586 0300 878889'],
  [{ type: 126, tag: 0x9695, fid: 0x9a999897, stat: bytes('9b9c9d9e') }, '11000000 7e 9596 9798999a 0400 9b9c9d9e'],
  [{ type: 127, tag: 0xa6a5 }, '07000000 7f a5a6'],
]

const goldendir: Dir = {
  type: 0x0201,
  dev: 0x06050403,
  qid: { type: 0x07, vers: 0x0b0a0908, path: 0x131211100f0e0d0cn },
  mode: 0x17161514,
  atime: 0x1b1a1918,
  mtime: 0x1f1e1d1c,
  length: 0x2726252423222120n,
  name: 'n',
  uid: 'us',
  gid: 'grp',
  muid: 'mµ',
}
const goldenstat =
  '3800 0102 03040506 07 08090a0b 0c0d0e0f10111213 14151617 18191a1b 1c1d1e1f 2021222324252627' +
  '0100 6e 0200 7573 0300 677270 0300 6dc2b5'

describe('golden bytes', () => {
  test('there is one of each of the 27 messages', () => {
    expect(new Set(golden.map(([f]) => f.type)).size).toBe(27)
  })
  test.each(golden)('%o', (f, b) => {
    expect(hex(convS2M(f))).toBe(b.replaceAll(' ', ''))
    expect(convM2S(bytes(b))).toEqual(f)
    expect(parsefcall(fcallfmt(f))).toEqual(f)
  })
  test('stat', () => {
    expect(hex(convD2M(goldendir))).toBe(goldenstat.replaceAll(' ', ''))
    expect(convM2D(bytes(goldenstat))).toEqual(goldendir)
  })
})

describe('the decoder refuses', () => {
  const refused: [string, string, RegExp][] = [
    ['nothing', '', /4 bytes wanted/],
    ['a size of 4 GB', 'ffffffff 6d 0100', /says 4294967295/],
    ['a size of 3 GB', '000000c0 6d 0100', /says 3221225472/],
    ['a size below the header', '06000000 6d 0100', /says 6/],
    ['a message cut short', '09000000 6c 7172 73', /says 9/],
    ['a body cut short', '08000000 6c 7172 73', /2 bytes wanted, 1 left/],
    ['bytes left over', '08000000 6d 8182 00', /1 bytes too many/],
    ['Terror', '09000000 6a 0100 0000', /unknown type 106/],
    ['type 99', '07000000 63 0100', /unknown type 99/],
    ['type 128', '07000000 80 0100', /unknown type 128/],
    ['a string longer than the message', '0c000000 6b 0100 ffff 616263', /65535 bytes wanted, 3 left/],
    ['a NUL in a string', '0b000000 6b 0100 0200 6100', /NUL/],
    ['half a rune', '0a000000 6b 0100 0100 c3', /UTF-8/],
    ['an overlong encoding', '0b000000 6b 0100 0200 c080', /UTF-8/],
    ['a surrogate', '0c000000 6b 0100 0300 eda080', /UTF-8/],
    ['data longer than the message', '0e000000 75 0506 ffffffff 0007ff', /4294967295 bytes wanted, 3 left/],
    ['data shorter than the message', '0e000000 75 0506 02000000 0007ff', /1 bytes too many/],
    ['a walk of 17 names', `33000000 6e 0100 01000000 02000000 1100 ${'0000'.repeat(17)}`, /walk of 17 names/],
    ['a walk of 65535 qids', '09000000 6f 0100 ffff', /walk of 65535/],
  ]
  test.each(refused)('%s', (_, b, why) => {
    expect(() => convM2S(bytes(b))).toThrow(ProtocolError)
    expect(() => convM2S(bytes(b))).toThrow(why)
  })
  test('stat records whose size is not theirs', () => {
    const b = convD2M(goldendir)
    expect(() => convM2D(b.subarray(0, -1))).toThrow(ProtocolError)
    expect(() => convM2D(Uint8Array.of(...b, 0))).toThrow(ProtocolError)
    expect(() => convM2Ds(Uint8Array.of(...b, ...b.subarray(0, 20)))).toThrow(/within a record/)
    expect(() => convM2Ds(Uint8Array.of(...b, 1))).toThrow(/within a record/)
  })
})

describe('the encoder', () => {
  test('refuses what no message can say', () => {
    expect(() => convS2M({ type: 107, tag: 1, ename: 'x'.repeat(65536) })).toThrow(ProtocolError)
    expect(() => convS2M({ type: 110, tag: 1, fid: 1, newfid: 2, wname: Array(17).fill('a') })).toThrow(ProtocolError)
    expect(() => convD2M({ ...goldendir, name: 'x'.repeat(65500) })).toThrow(ProtocolError)
  })
  test('writes a lone surrogate as the replacement character', () => {
    const f = convM2S(convS2M({ type: 107, tag: 1, ename: 'a\ud800b' }))
    expect(f).toEqual({ type: 107, tag: 1, ename: 'a\ufffdb' })
  })
  test('data of a decoded message is a view', () => {
    const msg = convS2M({ type: 117, tag: 1, data: Uint8Array.of(1, 2, 3) })
    const f = convM2S(msg)
    if (f.type !== 117) throw new Error('not an Rread')
    expect(f.data.buffer).toBe(msg.buffer)
    expect(f.data.byteOffset).toBe(11)
  })
})

describe('wstat', () => {
  test('nulldir is all ones and empty strings', () => {
    expect(hex(convD2M(nulldir()))).toBe(`2f00${'ff'.repeat(39)}${'0000'.repeat(4)}`)
  })
  test('changes finds what is not don’t-touch, both ways', () => {
    expect(changes(convM2D(convD2M(nulldir())))).toEqual({})
    expect(changes(goldendir)).toEqual(goldendir)
    for (const key of Object.keys(goldendir) as (keyof Dir)[]) {
      const one = { [key]: goldendir[key] }
      expect(changes(convM2D(convD2M({ ...nulldir(), ...one })))).toEqual(one)
    }
  })
})

describe('fcallfmt', () => {
  const lines: [Fcall, string][] = [
    [{ type: 100, tag: 0xffff, msize: 65560, version: '9P2000' }, 'Tversion tag NOTAG msize 65560 version 9P2000'],
    [
      { type: 104, tag: 1, fid: 0, afid: 0xffffffff, uname: 'glenda', aname: '' },
      "Tattach tag 1 fid 0 afid NOFID uname glenda aname ''",
    ],
    [
      { type: 110, tag: 1, fid: 1, newfid: 2, wname: ["it's", 'a b'] },
      "Twalk tag 1 fid 1 newfid 2 nwname 2 'it''s' 'a b'",
    ],
    [{ type: 107, tag: 2, ename: 'a\\n\nb\r' }, "Rerror tag 2 ename 'a\\x5cn\\nb\\x0d'"],
    [{ type: 105, tag: 2, qid: { type: 0x84, vers: 3, path: 255n } }, 'Rattach tag 2 qid (00000000000000ff 3 0x84)'],
    [{ type: 117, tag: 2, data: bytes('00ff') }, 'Rread tag 2 count 2 0x00ff'],
    [{ type: 117, tag: 2, data: bytes('30783431') }, 'Rread tag 2 count 4 0x41'],
    [{ type: 125, tag: 2, stat: convD2M({ ...goldendir, name: '0xab' }) }, ''],
    [
      { type: 125, tag: 2, stat: convD2M({ ...goldendir, mode: 0xc00001ed }) },
      'Rstat tag 2 stat n us grp mµ q (131211100f0e0d0c 185207048 0x7) m da755 at 454695192 mt 522067228 ' +
        'l 2820983053732684064 t 513 d 100992003',
    ],
  ]
  test.each(lines)('%o', (f, line) => {
    if (line !== '') expect(fcallfmt(f)).toBe(line)
    expect(parsefcall(fcallfmt(f))).toEqual(f)
  })
  test('the parser says what is wrong', () => {
    expect(() => parsefcall('Tnothing tag 1')).toThrow('Tnothing is no message')
    expect(() => parsefcall('Tclunk tag 1')).toThrow('line ends too early')
    expect(() => parsefcall('Tclunk tag 1 fid x')).toThrow('fid x is no number')
    expect(() => parsefcall('Tclunk tag 1 fid 2 3')).toThrow('3 after the end')
    expect(() => parsefcall('Rread tag 1 count 5 abc')).toThrow('count 5, but 3 bytes')
  })
})
