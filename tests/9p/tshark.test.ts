import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Client } from '../../plan9/9p/client.ts'
import * as c from '../../plan9/9p/const.ts'
import { convD2M, nulldir } from '../../plan9/9p/dir.ts'
import { convM2S, convS2M, type Fcall } from '../../plan9/9p/fcall.ts'
import { names } from '../../plan9/9p/fmt.ts'
import { type Captured, pcap } from '../../plan9/9p/pcap.ts'
import { serve } from '../../plan9/9p/server.ts'
import { tap } from '../../plan9/9p/tap.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { Eintr, Enoauth, PlanError } from '../../plan9/error.ts'

afterEach(() => {
  tap.see = undefined
})

/** What tshark says of a capture. @throws where there is no tshark */
function tshark(file: Uint8Array, ...args: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), '9p-'))
  try {
    const path = join(dir, 't.pcap')
    writeFileSync(path, file)
    const r = spawnSync('tshark', ['-r', path, '-d', 'tcp.port==564,9p', ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env: { ...process.env, TZ: 'UTC' },
    })
    if (r.error) throw new Error('no tshark: install the package tshark', { cause: r.error })
    expect(r.stderr).not.toMatch(/error|cut short/i)
    expect(r.status).toBe(0)
    return r.stdout
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** The values that tshark found for a field, packet by packet, as text. */
function fields(file: Uint8Array, filter: string, ...fields: string[]): string[][] {
  const out = tshark(file, '-Y', filter, '-T', 'fields', '-E', 'separator=|', ...fields.flatMap(f => ['-e', f]))
  return out
    .trimEnd()
    .split('\n')
    .map(l => l.split('|'))
}

/** A number in decimal: versions of tshark differ in which they show in hexadecimal. */
const plain = (v: string): string => (/^(0x[0-9a-f]+|\d+)$/i.test(v) ? String(BigInt(v)) : v)

/** A conversation between our client and our server that has every message but Rauth, which our server never sends. */
async function converse(): Promise<Captured[]> {
  const seen: Captured[] = []
  tap.see = (conn, sent, msg) => {
    if (conn === 'client') seen.push({ sent, msg: msg.slice(), at: 1.7e15 + seen.length * 1000 })
  }
  const tree = new Tree('glenda')
  tree.now = () => 1234567890
  tree.add('/lib/hello', 'hello, world\n')
  tree.add('/block', '')
  const srv = ramfs(tree)
  const [mine, theirs] = pipeTransport()
  const conn = serve(theirs, {
    ...srv,
    read: (fid, offset, count, req) =>
      fid.aux.name !== 'block'
        ? srv.read!(fid, offset, count, req)
        : new Promise((_, reject) => {
            req.signal.addEventListener('abort', () => reject(new PlanError(Eintr)))
          }),
  })
  const client = await Client.connect(mine, { name: 'client' })
  await expect(client.auth('glenda', 'main')).rejects.toThrow(Enoauth)
  const root = await client.attach('glenda', 'main')
  const f = await (await root.walk(['lib', 'hello'])).open(c.OREAD)
  expect(new TextDecoder().decode(await f.read(100, 0))).toBe('hello, world\n')
  await f.stat()
  await f.clunk()
  const g = await (await root.walk(['lib'])).create('new', 0o640, c.ORDWR)
  await g.write(new TextEncoder().encode('some text'), 0x1234)
  await g.wstat({ mtime: 1111111111, mode: 0o600 })
  const dir = await (await root.walk(['lib'])).open(c.OREAD)
  await dir.readdir()
  const blocked = await (await root.walk(['block'])).open(c.OREAD)
  const abort = new AbortController()
  const read = blocked.read(10, 0, abort.signal)
  abort.abort()
  await expect(read).rejects.toThrow(Eintr)
  await g.remove()
  client.close()
  await conn.closed
  return seen
}

test('tshark reads a captured conversation as we do', async () => {
  const seen = await converse()
  const msgs = seen.map(s => convM2S(s.msg))
  const types = new Set(msgs.map(f => f.type))
  const missing = Object.keys(names).filter(n => !types.has(Number(n) as Fcall['type']))
  expect(missing.map(n => names[Number(n)])).toEqual(['Rauth'])

  const file = pcap(seen)
  const text = tshark(file, '-Y', '9p', '-V')
  expect(text).not.toMatch(/malformed/i)
  expect(text).not.toMatch(/bad checksum|incorrect/i)
  const got = fields(file, '9p', '9p.msglen', '9p.msgtype', '9p.tag')
  expect(got).toEqual(msgs.map((f, i) => [seen[i]!.msg.length, f.type, f.tag].map(String)))
})

test('tshark finds each field where section 5 has it', () => {
  const qid = { type: 0x80, vers: 0x11121314, path: 0x2122232425262728n }
  const stat = convD2M({
    type: 0x0102,
    dev: 0x03040506,
    qid,
    mode: 0x80000000 + 0o751,
    atime: 1000000001,
    mtime: 1000000002,
    length: 0x3132333435363738n,
    name: 'thename',
    uid: 'theuid',
    gid: 'thegid',
    muid: 'themuid',
  })
  const data = new TextEncoder().encode('0123456789')
  const msgs: [Fcall, Record<string, string>][] = [
    [
      { type: c.Tversion, tag: 0xffff, msize: 0x5152, version: '9P2000' },
      { maxsize: '20818', version: '9P2000' },
    ],
    [
      { type: c.Rversion, tag: 0xffff, msize: 0x5051, version: '9P2000' },
      { maxsize: '20561', version: '9P2000' },
    ],
    [
      { type: c.Tauth, tag: 2, afid: 21, uname: 'ken', aname: 'src' },
      { afid: '21', uname: 'ken', aname: 'src' },
    ],
    [
      { type: c.Rauth, tag: 2, aqid: qid },
      { qidtype: '0x80', qidvers: '286397204', qidpath: '2387509390608836392' },
    ],
    [
      { type: c.Tattach, tag: 3, fid: 31, afid: 32, uname: 'rob', aname: 'main' },
      { fid: '31', afid: '32', uname: 'rob', aname: 'main' },
    ],
    [
      { type: c.Rattach, tag: 3, qid },
      { qidtype: '0x80', qidvers: '286397204', qidpath: '2387509390608836392' },
    ],
    [{ type: c.Rerror, tag: 4, ename: 'it is so' }, { ename: 'it is so' }],
    [{ type: c.Tflush, tag: 5, oldtag: 51 }, { oldtag: '51' }],
    [{ type: c.Rflush, tag: 5 }, {}],
    [
      { type: c.Twalk, tag: 6, fid: 61, newfid: 62, wname: ['usr', 'glenda'] },
      { fid: '61', newfid: '62', nwalk: '2', wname: 'usr,glenda' },
    ],
    [
      { type: c.Rwalk, tag: 6, wqid: [qid] },
      { nqid: '1', qidpath: '2387509390608836392' },
    ],
    [
      { type: c.Topen, tag: 7, fid: 71, mode: c.ORDWR | c.OTRUNC },
      { fid: '71', mode: '0x12' },
    ],
    [
      { type: c.Ropen, tag: 7, qid, iounit: 72 },
      { qidvers: '286397204', iounit: '72' },
    ],
    [
      { type: c.Tcreate, tag: 8, fid: 81, name: 'made', perm: 0o644, mode: c.OWRITE },
      { fid: '81', filename: 'made', perm: '0x000001a4', mode: '0x01' },
    ],
    [
      { type: c.Rcreate, tag: 8, qid, iounit: 82 },
      { qidvers: '286397204', iounit: '82' },
    ],
    [
      { type: c.Tread, tag: 9, fid: 91, offset: 0x41424344n, count: 92 },
      { fid: '91', offset: '1094861636', count: '92' },
    ],
    [{ type: c.Rread, tag: 9, data }, { count: '10' }],
    [
      { type: c.Twrite, tag: 10, fid: 101, offset: 0x4142434445n, data },
      { fid: '101', offset: '280284578885', count: '10' },
    ],
    [{ type: c.Rwrite, tag: 10, count: 102 }, { count: '102' }],
    [{ type: c.Tclunk, tag: 11, fid: 111 }, { fid: '111' }],
    [{ type: c.Rclunk, tag: 11 }, {}],
    [{ type: c.Tremove, tag: 12, fid: 121 }, { fid: '121' }],
    [{ type: c.Rremove, tag: 12 }, {}],
    [{ type: c.Tstat, tag: 13, fid: 131 }, { fid: '131' }],
    [
      { type: c.Rstat, tag: 13, stat },
      {
        paramsz: `${stat.length},7,6,6,7`,
        sdlen: String(stat.length - 2),
        stattype: '258',
        dev: '50595078',
        statmode: '0x800001e9',
        length: '3544952156018063160',
        filename: 'thename',
        user: 'theuid',
        group: 'thegid',
        muid: 'themuid',
      },
    ],
    [
      { type: c.Twstat, tag: 14, fid: 141, stat: convD2M({ ...nulldir(), name: 'other' }) },
      { fid: '141', filename: 'other' },
    ],
    [{ type: c.Rwstat, tag: 14 }, {}],
  ]
  expect(new Set(msgs.map(([f]) => f.type)).size).toBe(27)
  const file = pcap(msgs.map(([f]) => ({ sent: f.type % 2 === 0, msg: convS2M(f) })))
  expect(tshark(file, '-Y', '9p', '-V')).not.toMatch(/malformed/i)
  const wanted = [...new Set(msgs.flatMap(([, want]) => Object.keys(want)))]
  const got = fields(file, '9p', '9p.msgtype', '9p.tag', ...wanted.map(n => `9p.${n}`))
  for (const [i, [f, want]] of msgs.entries()) {
    const [type, tag, ...values] = got[i]!
    expect([type, tag]).toEqual([String(f.type), String(f.tag)])
    for (const [name, value] of Object.entries(want)) {
      const found = values[wanted.indexOf(name)]!
      expect([names[f.type], name, plain(found)]).toEqual([names[f.type], name, plain(value)])
    }
  }
  const [times] = fields(file, '9p.msgtype==125', '9p.atime', '9p.mtime')
  expect(times![0]).toContain('01:46:41')
  expect(times![1]).toContain('01:46:42')
})

test('tshark tells conversations apart', () => {
  const version = (tag: number) => convS2M({ type: c.Tversion, tag, msize: 8192, version: '9P2000' })
  const file = pcap(['a', 'b', 'a'].map((conn, i) => ({ conn, sent: true, msg: version(i), at: 1.7e15 + i })))
  expect(fields(file, '9p', 'tcp.stream', '9p.tag').map(f => f.map(plain))).toEqual([
    ['0', '0'],
    ['1', '1'],
    ['0', '2'],
  ])
})
