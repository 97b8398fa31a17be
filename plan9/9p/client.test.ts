import { describe, expect, test } from 'vitest'
import { Ehungup, Eintr, PlanError } from '../error.ts'
import { Client } from './client.ts'
import * as c from './const.ts'
import { convM2S, convS2M, type Fcall } from './fcall.ts'
import { serve } from './server.ts'
import { pipeTransport, type Transport } from './transport.ts'
import { ramfs, Tree } from './tree.ts'

const qid = { type: 0, vers: 0, path: 1n }

/** A server that answers as it is told: version and attach properly, the rest by `answer`. */
function scripted(answer: (f: Fcall, send: (r: Fcall) => void, t: Transport) => void): Transport {
  const [mine, theirs] = pipeTransport()
  const send = (r: Fcall) => theirs.send(convS2M(r))
  theirs.start(
    msg => {
      const f = convM2S(msg)
      if (f.type === c.Tversion) send({ type: c.Rversion, tag: f.tag, msize: 8192, version: '9P2000' })
      else if (f.type === c.Tattach) send({ type: c.Rattach, tag: f.tag, qid })
      else if (f.type === c.Topen) send({ type: c.Ropen, tag: f.tag, qid, iounit: 0 })
      else answer(f, send, theirs)
    },
    () => {},
  )
  return mine
}

async function opened(t: Transport) {
  const client = await Client.connect(t)
  return { client, f: await (await client.attach('u', '')).open(c.ORDWR) }
}

describe('version', () => {
  const answer = (version: string, msize: number) => {
    const [mine, theirs] = pipeTransport()
    theirs.start(
      msg => theirs.send(convS2M({ type: c.Rversion, tag: convM2S(msg).tag, msize, version })),
      () => {},
    )
    return mine
  }
  test('only 9P2000 will do, and no larger msize than was asked for', async () => {
    await expect(Client.connect(answer('unknown', 8192))).rejects.toThrow(/unknown/)
    await expect(Client.connect(answer('9P2000.u', 8192))).rejects.toThrow(/9P2000.u/)
    await expect(Client.connect(answer('9P2000', 1 << 30))).rejects.toThrow(/msize/)
    await expect(Client.connect(answer('9P2000', 10))).rejects.toThrow(/msize/)
    expect((await Client.connect(answer('9P2000', 4096))).msize).toBe(4096)
  })
})

describe('a hostile server', () => {
  const hostile: [string, (f: Fcall, send: (r: Fcall) => void) => void][] = [
    ['a wrong type', (f, send) => send({ type: c.Rstat, tag: f.tag, stat: new Uint8Array(0) })],
    ['a T-message', (f, send) => send({ type: c.Tclunk, tag: f.tag, fid: 1 })],
    ['an unknown tag', (f, send) => send({ type: c.Rread, tag: f.tag + 999, data: new Uint8Array(0) })],
    ['more data than asked for', (f, send) => send({ type: c.Rread, tag: f.tag, data: new Uint8Array(11) })],
  ]
  test.each(hostile)('%s ends the connection, and only it', async (_, answer) => {
    const good = await opened(scripted((f, send) => send({ type: c.Rread, tag: f.tag, data: Uint8Array.of(1) })))
    const { client, f } = await opened(scripted(answer))
    const reads = [f.read(10, 0), f.read(10, 10)]
    for (const read of reads) await expect(read).rejects.toThrow(/^mount rpc error: /)
    await expect(f.read(1, 0)).rejects.toThrow(PlanError)
    await client.closed
    expect(await good.f.read(10, 0)).toEqual(Uint8Array.of(1))
  })

  test('more written than was sent; more qids than names', async () => {
    const w = await opened(scripted((f, send) => send({ type: c.Rwrite, tag: f.tag, count: 4 })))
    await expect(w.f.write(Uint8Array.of(1, 2, 3), 0)).rejects.toThrow(/mount rpc error/)
    const q = await opened(scripted((f, send) => send({ type: c.Rwalk, tag: f.tag, wqid: [qid, qid] })))
    await expect(q.f.walkSome(['a'])).rejects.toThrow(/mount rpc error/)
  })
})

test('the end of a connection rejects what waits and what comes after', async () => {
  const { f, client } = await opened(scripted((m, _, t) => m.type === c.Tread && t.close()))
  const reads = [f.read(1, 0), f.read(1, 1)]
  for (const read of reads) await expect(read).rejects.toThrow(Ehungup)
  await expect(f.stat()).rejects.toThrow(Ehungup)
  await client.closed
})

describe('abort', () => {
  test('a flush goes out and is waited for; the tag is not used before Rflush', async () => {
    const seen: string[] = []
    const abort = new AbortController()
    let rflush: (() => void) | undefined
    const { f } = await opened(
      scripted((m, send) => {
        seen.push(`${m.type} ${m.tag}`)
        if (m.type === c.Tread) abort.abort()
        else if (m.type === c.Tflush) rflush = () => send({ type: c.Rflush, tag: m.tag })
        else if (m.type === c.Tclunk) send({ type: c.Rclunk, tag: m.tag })
      }),
    )
    let over = false
    const read = f.read(1, 0, abort.signal).finally(() => {
      over = true
    })
    read.catch(() => undefined)
    await new Promise(resolve => setImmediate(resolve))
    expect(over).toBe(false)
    expect(seen).toEqual(['116 0', '108 1'])
    await f.client.rpc({ type: c.Tclunk, fid: 9 })
    expect(seen.at(-1)).toBe('120 2')
    rflush!()
    await expect(read).rejects.toThrow(Eintr)
  })

  test('a reply that came before Rflush counts', async () => {
    const abort = new AbortController()
    const { f } = await opened(
      scripted((m, send) => {
        if (m.type === c.Tread) abort.abort()
        if (m.type !== c.Tflush) return
        send({ type: c.Rread, tag: m.oldtag, data: Uint8Array.of(42) })
        send({ type: c.Rflush, tag: m.tag })
      }),
    )
    expect(await f.read(1, 0, abort.signal)).toEqual(Uint8Array.of(42))
  })

  test('a signal that has fired sends nothing', async () => {
    const { f } = await opened(
      scripted(() => {
        throw new Error('nothing should come')
      }),
    )
    await expect(f.read(1, 0, AbortSignal.abort())).rejects.toThrow(Eintr)
  })
})

describe('large reads and writes', () => {
  test('are split at iounit, several under way at once', async () => {
    const tree = new Tree('glenda')
    const big = Uint8Array.from({ length: 100_000 }, (_, i) => i * 31)
    tree.add('/big', big, 0o666)
    const [mine, theirs] = pipeTransport()
    let under = 0
    let most = 0
    const srv = ramfs(tree)
    serve(theirs, {
      ...srv,
      async read(fid, offset, count, req) {
        under++
        most = Math.max(most, under)
        await new Promise(resolve => setImmediate(resolve))
        under--
        return srv.read!(fid, offset, count, req)
      },
    })
    const client = await Client.connect(mine, { msize: 8192 + c.IOHDRSZ })
    const f = await (await (await client.attach('glenda', '')).walk(['big'])).open(c.ORDWR)
    expect(f.iounit).toBe(8192)
    expect(await f.read(200_000, 0)).toEqual(big)
    expect(most).toBeGreaterThan(4)
    expect(
      await f.write(
        big.map(x => x ^ 255),
        5,
      ),
    ).toBe(100_000)
    expect((await f.readAll()).slice(5)).toEqual(big.map(x => x ^ 255))
  })

  test('a short count ends a write', async () => {
    const { f } = await opened(
      scripted((m, send) => m.type === c.Twrite && send({ type: c.Rwrite, tag: m.tag, count: 5 })),
    )
    expect(await f.write(new Uint8Array(20_000), 0)).toBe(5)
  })
})

test('a walk of more than 16 names takes more than one message', async () => {
  const tree = new Tree('glenda')
  const names = Array.from({ length: 40 }, (_, i) => `d${i}`)
  tree.add(`/${names.join('/')}/f`, 'deep')
  const [mine, theirs] = pipeTransport()
  serve(theirs, ramfs(tree))
  const root = await (await Client.connect(mine)).attach('glenda', '')
  const f = await (await root.walk([...names, 'f'])).open(c.OREAD)
  expect(new TextDecoder().decode(await f.readAll())).toBe('deep')
  await expect(root.walk([...names, 'nope'])).rejects.toThrow('file does not exist')
})
