import { describe, expect, test, vi } from 'vitest'
import { Client } from '../../plan9/9p/client.ts'
import * as c from '../../plan9/9p/const.ts'
import { convD2M, convM2D, convM2Ds, type Dir, type Qid } from '../../plan9/9p/dir.ts'
import { convM2S, convS2M, type Fcall } from '../../plan9/9p/fcall.ts'
import { fcallfmt, parsefcall } from '../../plan9/9p/fmt.ts'
import { Framer, streamTransport } from '../../plan9/9p/framer.ts'
import { serve } from '../../plan9/9p/server.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { PlanError, ProtocolError } from '../../plan9/error.ts'
import { bytePipe } from '../9p/bytepipe.ts'
import { Random } from '../random.ts'

const seed = Number(process.env.SEED ?? 9000)
console.log(`seed ${seed} (SEED=n sets it)`)

const types: Fcall['type'][] = [
  100, 101, 102, 103, 104, 105, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123,
  124, 125, 126, 127,
]
const alphabet = ['a', 'B', '0x', ' ', "'", '\\', '\n', '\x01', '/', '..', 'é', '世', '😀', '(', ')', '#']

class Gen extends Random {
  string(): string {
    return Array.from({ length: this.int(12) }, () => this.pick(alphabet)).join('')
  }
  u32(): number {
    return this.pick([0, 1, 2, 0xffffffff, this.int(2 ** 32)])
  }
  qid(): Qid {
    return { type: this.int(256), vers: this.u32(), path: this.u64() }
  }
  dir(): Dir {
    return {
      type: this.int(65536),
      dev: this.u32(),
      qid: this.qid(),
      mode: this.u32(),
      atime: this.u32(),
      mtime: this.u32(),
      length: this.u64(),
      name: this.string(),
      uid: this.string(),
      gid: this.string(),
      muid: this.string(),
    }
  }
  /** A message whose fids and tags are few, so that they meet. */
  fcall(type = this.pick(types)): Fcall {
    const tag = this.pick([this.int(4), this.int(65536)])
    const fid = this.pick([this.int(6), this.u32()])
    const list = <T>(one: () => T): T[] => Array.from({ length: this.int(17) }, one)
    const data = this.bytes(this.int(64))
    const stat = this.int(2) ? convD2M(this.dir()) : data
    switch (type) {
      case c.Tversion:
      case c.Rversion:
        return { type, tag, msize: this.u32(), version: this.pick(['9P2000', this.string()]) }
      case c.Tauth:
        return { type, tag, afid: fid, uname: this.string(), aname: this.string() }
      case c.Rauth:
        return { type, tag, aqid: this.qid() }
      case c.Tattach:
        return { type, tag, fid, afid: this.pick([c.NOFID, this.u32()]), uname: 'glenda', aname: this.string() }
      case c.Rattach:
        return { type, tag, qid: this.qid() }
      case c.Rerror:
        return { type, tag, ename: this.string() }
      case c.Tflush:
        return { type, tag, oldtag: this.int(4) }
      case c.Twalk: {
        const name = () => this.pick(['a', 'b', '..', this.string()])
        return { type, tag, fid, newfid: this.pick([fid, this.int(6)]), wname: list(name) }
      }
      case c.Rwalk:
        return { type, tag, wqid: list(() => this.qid()) }
      case c.Topen:
        return { type, tag, fid, mode: this.pick([0, 1, 2, 3, 16, 18, 64, this.int(256)]) }
      case c.Ropen:
      case c.Rcreate:
        return { type, tag, qid: this.qid(), iounit: this.u32() }
      case c.Tcreate: {
        const perm = this.pick([0o666, c.DMDIR + 0o777, this.u32()])
        return { type, tag, fid, name: this.pick(['a', 'b', this.string()]), perm, mode: this.int(256) }
      }
      case c.Tread:
        return { type, tag, fid, offset: this.pick([0n, 1n, this.u64()]), count: this.u32() }
      case c.Rread:
        return { type, tag, data }
      case c.Twrite:
        return { type, tag, fid, offset: this.pick([0n, 1n, this.u64()]), data }
      case c.Rwrite:
        return { type, tag, count: this.u32() }
      case c.Tclunk:
      case c.Tremove:
      case c.Tstat:
        return { type, tag, fid }
      case c.Rstat:
        return { type, tag, stat }
      case c.Twstat:
        return { type, tag, fid, stat }
      default:
        return { type, tag }
    }
  }
  /** Some bytes changed, cut off or put in; half the time the size is made right again. */
  mutate(msg: Uint8Array): Uint8Array {
    let b = msg.slice()
    for (let n = 1 + this.int(4); n > 0; n--) {
      const at = this.int(b.length)
      const how = this.int(4)
      if (how === 0) b = b.slice(0, at)
      else if (how === 1) b = Uint8Array.of(...b.subarray(0, at), ...this.bytes(this.int(8)), ...b.subarray(at))
      else if (b.length > 0) b[at] = this.pick([0, 0xff, 0x80, this.int(256)])
    }
    if (b.length >= 7 && this.int(2)) new DataView(b.buffer).setUint32(0, b.length, true)
    return b
  }
}

/** What f throws must be a ProtocolError. */
function onlyProtocolError(f: () => unknown): void {
  try {
    f()
  } catch (err) {
    if (!(err instanceof ProtocolError)) throw err
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

describe('codec', () => {
  test('round trips', () => {
    const g = new Gen(seed)
    for (let i = 0; i < 20000; i++) {
      const f = g.fcall(types[i % types.length])
      const msg = convS2M(f)
      expect(convM2S(msg)).toEqual(f)
      if (i % 4 === 0) expect(parsefcall(fcallfmt(f)), fcallfmt(f)).toEqual(f)
    }
  })

  test('random and mutated bytes', () => {
    const g = new Gen(seed + 1)
    let whole = 0
    for (let i = 0; i < 40000; i++) {
      const bytes = i % 5 === 0 ? g.bytes(g.int(80)) : g.mutate(convS2M(g.fcall()))
      onlyProtocolError(() => {
        const f = convM2S(bytes)
        whole++
        expect(convS2M(f)).toEqual(bytes)
        expect(parsefcall(fcallfmt(f)), fcallfmt(f)).toEqual(f)
      })
      onlyProtocolError(() => convM2D(bytes))
      onlyProtocolError(() => convM2Ds(bytes))
    }
    expect(whole).toBeGreaterThan(1000)
  })

  test('a stream cut anywhere gives the same messages', () => {
    const g = new Gen(seed + 2)
    for (let i = 0; i < 300; i++) {
      const msgs = Array.from({ length: 1 + g.int(8) }, () => convS2M(g.fcall()))
      const all = Uint8Array.of(...msgs.flatMap(m => [...m]))
      const framer = new Framer(65536)
      const out: Uint8Array[] = []
      for (let at = 0; at < all.length; ) {
        const n = 1 + g.int(g.pick([3, 40, 400]))
        out.push(...framer.push(all.slice(at, at + n)))
        at += n
      }
      expect(out).toEqual(msgs)
      expect(framer.pending).toBe(0)
    }
  })

  test('sizes out of range are refused before the bytes are there', () => {
    for (const size of [0, 1, 6, 65537, 0x7fffffff, 0x80000000, 0xc0000000, 0xffffffff]) {
      const head = new Uint8Array(4)
      new DataView(head.buffer).setUint32(0, size, true)
      expect(() => [...new Framer(65536).push(head)]).toThrow(ProtocolError)
    }
  })
})

describe('server', () => {
  test('whatever comes in ends at most its own connection', async () => {
    const complained = vi.spyOn(console, 'error')
    const g = new Gen(seed + 3)
    const tree = new Tree('glenda')
    tree.add('/keep/this', 'as it is', 0o444)
    tree.lookup('/keep')!.mode = c.DMDIR | 0o555
    const srv = ramfs(tree)
    const [a, b] = bytePipe()
    serve(streamTransport(b), srv)
    const good = await Client.connect(streamTransport(a))
    const root = await good.attach('ken', '')

    let answered = 0
    let ended = 0
    for (let i = 0; i < 400; i++) {
      const [evil, end] = bytePipe()
      const conn = serve(streamTransport(end, 8192), srv, { msize: 8192 })
      let open = true
      void conn.closed.then(() => {
        open = false
        ended++
      })
      const replies = (async () => {
        const framer = new Framer(8192)
        for (;;) {
          const data = await evil.read()
          if (data.length === 0) return
          for (const msg of framer.push(data)) {
            const f = convM2S(msg)
            expect(f.type % 2).toBe(1)
            answered++
          }
        }
      })()
      const send = (f: Fcall) => evil.write(convS2M(f))
      send({ type: c.Tversion, tag: c.NOTAG, msize: 8192, version: '9P2000' })
      send({ type: c.Tattach, tag: 0, fid: 0, afid: c.NOFID, uname: 'glenda', aname: '' })
      for (let k = g.int(60); k > 0 && open; k--) {
        const f = g.fcall(g.pick(types.filter(t => t % 2 === 0)))
        evil.write(g.int(20) === 0 ? g.mutate(convS2M(f)) : convS2M(f))
        if (g.int(3) === 0) await turn()
      }
      await turn()
      evil.close()
      await conn.closed
      await replies
    }
    expect(ended).toBe(400)
    expect(answered).toBeGreaterThan(1000)
    expect(complained.mock.calls).toEqual([])
    complained.mockRestore()

    const f = await (await root.walk(['keep', 'this'])).open(c.OREAD)
    expect(new TextDecoder().decode(await f.readAll())).toBe('as it is')
    good.close()
  })

  test('random bytes alone', async () => {
    const g = new Gen(seed + 4)
    for (let i = 0; i < 300; i++) {
      const [evil, end] = bytePipe()
      const conn = serve(streamTransport(end), ramfs(new Tree('glenda')))
      for (let k = 0; k < 4; k++) evil.write(g.bytes(1 + g.int(100)))
      evil.close()
      await conn.closed
    }
  })
})

describe('client', () => {
  test('a hostile server ends its own connection, and every call with a PlanError or an answer', async () => {
    const g = new Gen(seed + 5)
    let refused = 0
    for (let i = 0; i < 400; i++) {
      const [mine, evil] = bytePipe()
      const framer = new Framer(1 << 20)
      const serving = (async () => {
        for (;;) {
          const data = await evil.read()
          if (data.length === 0) return
          for (const msg of framer.push(data)) {
            const f = convM2S(msg)
            let r: Fcall
            if (f.type === c.Tversion) r = { type: c.Rversion, tag: f.tag, msize: 8192, version: '9P2000' }
            else
              r = {
                ...g.fcall((g.int(4) ? f.type + 1 : g.pick(types)) as Fcall['type']),
                tag: g.int(8) ? f.tag : g.int(9),
              } as Fcall
            const bytes = convS2M(r)
            evil.write(f.type !== c.Tversion && g.int(6) === 0 ? g.mutate(bytes) : bytes)
          }
          if (g.int(12) === 0) evil.close()
        }
      })()
      const client = await Client.connect(streamTransport(mine)).catch(() => undefined)
      const calls = async () => {
        if (!client) return
        const root = await client.attach('glenda', '')
        await Promise.all([
          root.stat(),
          root.walk(['a', 'b']),
          root.walkSome(['a']),
          root.open(c.OREAD).then(f => f.readAll()),
          root.write(new Uint8Array(20000), 0),
          root.read(100, 0),
          root.wstat({ name: 'x' }),
          root.remove(),
        ])
      }
      // A server that answers reads for ever is let go by closing.
      const limit = (async () => {
        for (let k = 0; k < 60; k++) await turn()
        client?.close()
      })()
      await calls().catch(err => {
        refused++
        if (!(err instanceof PlanError) && !(err instanceof ProtocolError)) throw err
      })
      await limit
      evil.close()
      await serving
    }
    expect(refused).toBeGreaterThan(100)
  })
})
