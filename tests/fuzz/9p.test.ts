import { describe, expect, test, vi } from 'vitest'
import { Client } from '../../plan9/9p/client.ts'
import * as c from '../../plan9/9p/const.ts'
import { convM2D, convM2Ds } from '../../plan9/9p/dir.ts'
import { convM2S, convS2M, type Fcall } from '../../plan9/9p/fcall.ts'
import { fcallfmt, parsefcall } from '../../plan9/9p/fmt.ts'
import { Framer, streamTransport } from '../../plan9/9p/framer.ts'
import { serve } from '../../plan9/9p/server.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { PlanError, ProtocolError } from '../../plan9/error.ts'
import { bytePipe } from '../9p/bytepipe.ts'
import { Gen, types } from './gen9p.ts'

const seed = Number(process.env.SEED ?? 9000)
console.log(`seed ${seed} (SEED=n sets it)`)

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
