import { crackhdr } from '../../../plan9/libc/aout.ts'
/** What file(1) knows of the bytes that files begin with. A kind is what is printed of it, and its MIME type. */
export type Kind = readonly [name: string, mime: string]

export const OCTET = 'application/octet-stream'
export const PLAIN = 'text/plain'

/** The first four bytes as a little-endian number, under a mask. */
export const numbers: readonly [x: number, mask: number, kind: Kind][] = [
  [0xf16df16d, 0xffffffff, ['pac1 audio file', OCTET]],
  [0x31636170, 0xffffffff, ['pac3 audio file', OCTET]],
  [0x32630070, 0xffff00ff, ['pac4 audio file', OCTET]],
  [0xba010000, 0xffffffff, ['mpeg system stream', OCTET]],
  [0x43614c66, 0xffffffff, ['FLAC audio file', 'audio/flac']],
  [0x30800cc0, 0xffffffff, ['inferno .dis executable', OCTET]],
  [0x04034b50, 0xffffffff, ['zip archive', 'application/zip']],
  [0o070707, 0xffff, ['cpio archive', 'application/x-cpio']],
  [0x02f7, 0xffff, ['tex dvi', 'application/dvi']],
  [0xfaff, 0xfeff, ['mp3 audio', 'audio/mpeg']],
  [0xf0ff, 0xf6ff, ['aac audio', 'audio/aac']],
  [0xcefaedfe, 0xffffffff, ['32-bit power Mach-O executable', OCTET]],
  [0xcffaedfe, 0xffffffff, ['64-bit power Mach-O executable', OCTET]],
  [0xfeedface, 0xffffffff, ['386 Mach-O executable', OCTET]],
  [0xfeedfacf, 0xffffffff, ['amd64 Mach-O executable', OCTET]],
  [0xbebafeca, 0xffffffff, ['Mach-O universal executable', OCTET]],
  [0xad4e5cd1, 0xffffffff, ['venti arena', OCTET]],
  [0x2bb19a52, 0xffffffff, ['paq archive', OCTET]],
  [0x1a53454e, 0xffffffff, ['NES ROM', OCTET]],
  [0xa1b2c3d4, 0xffffffff, ['pcap file', 'application/vnd.tcpdump.pcap']],
  [0xd4c3b2a1, 0xffffffff, ['pcap file', 'application/vnd.tcpdump.pcap']],
  [0xa1b23c4d, 0xffffffff, ['pcap file', 'application/vnd.tcpdump.pcap']],
  [0x4d3cb2a1, 0xffffffff, ['pcap file', 'application/vnd.tcpdump.pcap']],
]

const troff = (name: string): Kind => [name, 'text/troff']
const postroff = (name: string): Kind => [name, 'application/troff']
const html: Kind = ['HTML file', 'text/html']
const ppm: Kind = ['ppm', 'image/ppm']
const vcard: Kind = ['vCard', 'text/directory;profile=vcard']
const ff = '\xff'.repeat(32)

/** What a file begins with, a character a byte; the first that fits. */
export const strings: readonly [start: string, kind: Kind][] = [
  // Programs and models.
  ['24ka', ['llama2.c checkpoint', OCTET]],
  ['GGUF', ['GGUF model', OCTET]],
  ['\0asm', ['WebAssembly module', 'application/wasm']],
  ['\x1bLua', ['Lua bytecode', OCTET]],
  ['process snapshot ', ['process snapshot', 'application/snapfs']],
  [`${ff}\0\0\0\xbb\x11\x22\0\x44${ff.slice(24)}\xaa\x99\x55\x66`, ['Xilinx bitstream (not byteswappped)', OCTET]],
  [`${ff}\xbb\0\0\0\x44\0\x22\x11${ff.slice(24)}\x66\x55\x99\xaa`, ['Xilinx bitstream (byteswappped)', OCTET]],
  // Archives, and what is compressed.
  ['070707', ['cpio archive - ascii header', OCTET]],
  ['BZh', ['bzip2 compressed', 'application/x-bzip2']],
  ['QFI\xfb', ['QCOW disk image', OCTET]],
  ['\x1f\x8b', ['gzip compressed', 'application/x-gzip']],
  ['\x1f\x9d', ['compressed', 'application/x-compress']],
  ['d8:announce', ['torrent file', 'application/x-bittorrent']],
  ['vac:', ['venti score', PLAIN]],
  ['!<arch>\n__.SYMDE', ['archive random library', OCTET]],
  ['!<arch>\n', ['archive', OCTET]],
  // Images.
  ['/* XPM */\n', ['xbm', 'image/xbm']],
  ['AT&T', ['DjVu document', 'image/vnd.djvu']],
  ['BM', ['bmp', 'image/bmp']],
  ['GIF', ['GIF image', 'image/gif']],
  ['II*\0', ['tiff', 'image/tiff']],
  ['MM\0*', ['tiff', 'image/tiff']],
  ['P1\n', ppm],
  ['P2\n', ppm],
  ['P3\n', ppm],
  ['P4\n', ppm],
  ['P5\n', ppm],
  ['P6\n', ppm],
  ['\0PC Research, Inc\0', ['ghostscript fax file', 'application/ghostscript']],
  ['\x89PNG', ['PNG image', 'image/png']],
  ['\xff\xd8', ['jpeg', 'image/jpeg']],
  // Sounds.
  ['#EXTM3U', ['playlist', 'audio/x-mpegurl']],
  ['.snd', ['sun audio', 'audio/basic']],
  ['Creative Voice File\x1a', ['voc audio', 'audio/x-voc']],
  ['Extended module: ', ['XM audio', 'audio/xm']],
  ['ID3', ['mp3 audio with id3', 'audio/mpeg']],
  ['MThd', ['midi audio', 'audio/midi']],
  ['MUS\x1a', ['mus audio', 'audio/mus']],
  ['[playlist]', ['playlist', 'application/x-scpls']],
  // Documents, for people and printers.
  ['%!', ['postscript', 'application/postscript']],
  ['%PDF', ['PDF', 'application/pdf']],
  ['<!--', ['XML file', 'text/xml']],
  ['<!DOCTYPE', html],
  ['<!doctype', html],
  ['<?xml', html],
  ['<HTML>', html],
  ['<MakerFile ', ['FrameMaker file', 'application/framemaker']],
  ['<html>', html],
  ['BEGIN:VCARD\n', vcard],
  ['BEGIN:VCARD\r\n', vcard],
  ['\x04%!', ['postscript', 'application/postscript']],
  ['\x1b%-12345X', ['HPJCL file', 'application/hpjcl']],
  ['\x1b&', ['HP PCL printer data', OCTET]],
  ['\x1bE\x1b', ['HP PCL printer data', OCTET]],
  ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', ['microsoft office document', 'application/doc']],
  // Troff, before and after.
  ['.HTML ', troff('troff -ms input')],
  ['.LP', troff('troff -ms input')],
  ['.ND', troff('troff -ms input')],
  ['.PP', troff('troff -ms input')],
  ['.TH', troff('manual page')],
  ['.TL', troff('troff -ms input')],
  ['.TR', troff('troff -ms input')],
  ['.\\"', troff('troff input')],
  ['.de', troff('troff input')],
  ['.if', troff('troff input')],
  ['.nr', troff('troff input')],
  ['.tr', troff('troff input')],
  ['x T 202', postroff('troff output for 202')],
  ['x T Latin1', postroff('troff output for Latin1')],
  ['x T aps', postroff('troff output for aps')],
  ['x T post', postroff('troff output for post')],
  ['x T utf', postroff('troff output for UTF')],
  ['x T ', postroff('troff output')],
  // Keys.
  ['-----BEGIN CERTIFICATE-----\n', ['pem certificate', PLAIN]],
  ['-----BEGIN TRUSTED CERTIFICATE-----\n', ['pem trusted certificate', PLAIN]],
  ['-----BEGIN X509 CERTIFICATE-----\n', ['pem x.509 certificate', PLAIN]],
  ['subject=/C=', ['pem certificate with header', PLAIN]],
]

/** The same at some offset of the file. */
export const offsets: readonly [offset: number, start: string, kind: Kind][] = [
  [256 * 1024, '\xa9\xe4\xa5\xe7', ['venti arenas partition', OCTET]],
  [256 * 1024, '\xd1\x5c\x5e\xc7', ['venti index section', OCTET]],
  [128 * 1024, '\x37\x76\xae\x89', ['fossil write buffer', OCTET]],
  [4, 'Bud1', ['OS X finder properties', OCTET]],
  [0x100, 'SEGA', ['SEGA ROM', OCTET]],
  [0x1fe, '\x55\xaa', ['bootable disk image', OCTET]],
  [32 * 1024, '\x01CD001\x01', ['ISO9660 CD image', 'application/x-iso9660-image']],
  [128, 'DICM', ['DICOM medical imaging data', 'application/dicom']],
  [1080, 'M.K.', ['Amiga module', 'audio/mod']],
]

/** Of these a kernel, whose entry is in the upper half of the addresses, goes by another name. */
const kernels: Record<string, string> = {
  '68020': '68020',
  '386': '386',
  power: 'power',
  arm: 'ARM',
  amd64: 'amd64',
  power64: 'power64',
  arm64: 'arm64',
}

/** @see a.out(6) */
export function executable(b: Uint8Array): string | undefined {
  const f = crackhdr(b)
  if (f === undefined) return undefined
  const { name } = f.machine
  const order = f.machine.order && ` ${f.machine.order}`
  if (f.dynamic) return `${name} plan 9 dlm${order}`
  const top = f.wide ? f.entry >> 32n : f.entry
  const kernel = top >= 0x80000000n && kernels[name]
  return kernel ? `${kernel} plan 9 boot image` : `${name} plan 9 executable${order}`
}

/** What Plan 9's compilers make begins with an instruction that names the source: its number, and the kind of operand. */
const objects: readonly [name: string, bytes: number[]][] = [
  ['68020 .2', [333 & 0xff, 333 >> 8, 50]],
  ['amd64 .6', [132, 0, 121]],
  ['arm .5', [77, 17]],
  ['arm64 .7', [313 & 0xff, 313 >> 8, 19]],
  ['386 .8', [126, 0, 69]],
  ['sparc .k', [121, 16]],
  ['power .q', [217, 0, 19]],
  ['mips .v', [58, 17]],
]

export function object(b: Uint8Array): string | undefined {
  const has = (bytes: number[]) => [...bytes, 1, 60].every((c, i) => b[i] === c)
  return objects.find(([, bytes]) => has(bytes))?.[0]
}

const elfcpu: Record<number, string> = {
  1: 'WE32100',
  2: 'SPARC',
  3: 'i386',
  4: 'M68000',
  5: 'M88000',
  6: 'i486',
  7: 'i860',
  8: 'R3000',
  9: 'S370',
  10: 'R4000',
  15: 'HP-PA',
  18: 'sparc v8+',
  19: 'i960',
  20: 'PPC-32',
  21: 'PPC-64',
  40: 'ARM',
  41: 'Alpha',
  43: 'sparc v9',
  50: 'IA-64',
  62: 'AMD64',
  75: 'VAX',
}
const elftype = ['unknown', 'relocatable object', 'executable', 'shared library', 'core dump']

/** An ELF file; which way round its numbers are is found by whether the machine is one that is known. */
export function elf(b: Uint8Array): string | undefined {
  if (b.length < 20 || b[0] !== 0x7f || b[1] !== 69 || b[2] !== 76 || b[3] !== 70) return undefined
  const view = new DataView(b.buffer, b.byteOffset, b.length)
  const little = elfcpu[view.getUint16(18, true)] !== undefined
  const cpu = elfcpu[view.getUint16(18, little)] ?? 'unknown'
  return `${cpu} ELF ${elftype[view.getUint16(16, little)] ?? 'unknown'}`
}

/** llama2.c's first format has no magic number: its seven sizes must make sense, and account for all of the file. */
export function legacyCheckpoint(b: Uint8Array, length: number): boolean {
  if (b.length < 28) return false
  const view = new DataView(b.buffer, b.byteOffset, b.length)
  const sizes = Array.from({ length: 7 }, (_, i) => view.getInt32(4 * i, true))
  const [dim, hidden, layers, heads, kvheads, vocab, seq] = sizes as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if ([dim, hidden, layers, heads, kvheads, seq].some(n => n < 1) || dim % heads !== 0 || heads % kvheads !== 0)
    return false
  const kv = (dim / heads) * kvheads
  const layer = 2 * dim + 2 * dim * dim + 2 * dim * kv + 3 * dim * hidden
  const words = Math.abs(vocab) * dim * (vocab > 0 ? 1 : 2) + layers * layer + dim + seq * (dim / heads)
  return length === 28 + 4 * words
}

/** A length of 8 bytes, then so much JSON that says where the tensors are. */
export const safetensors = (s: string): boolean => /^.{4}\0{4}\{\s*"/s.test(s)
