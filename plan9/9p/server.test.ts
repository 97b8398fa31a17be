import { afterEach, describe, expect, test, vi } from 'vitest'
import { Ebadoffdir, Eintr, Eio, Eiotoobig, Eshort, Eunknownfid, PlanError } from '../error.ts'
import { Client } from './client.ts'
import * as c from './const.ts'
import { convM2Ds, type Dir, type Qid } from './dir.ts'
import { convM2S, convS2M, type Fcall } from './fcall.ts'
import { type ByteStream, streamTransport } from './framer.ts'
import { serve } from './server.ts'
import type { Srv } from './srv.ts'
import { pipeTransport } from './transport.ts'
import { ramfs, Tree } from './tree.ts'

const rootqid: Qid = { type: c.QTDIR, vers: 0, path: 0n }
const dir = (name: string, qid: Qid): Dir => ({
  type: 0,
  dev: 0,
  qid,
  mode: qid.type & c.QTDIR ? c.DMDIR + 0o777 : 0o666,
  atime: 0,
  mtime: 0,
  length: 0n,
  name,
  uid: 'u',
  gid: 'u',
  muid: 'u',
})

/** A promise and what settles it. */
function later<T = void>() {
  let resolve!: (v: T) => void
  const promise = new Promise<T>(r => {
    resolve = r
  })
  return { promise, resolve }
}

/** A server of any name, that writes down what happens; `hold` answers a read or walk of a file by its name. */
function logged(hold: Record<string, (signal: AbortSignal) => Promise<Uint8Array>> = {}) {
  const log: string[] = []
  const srv: Srv<string> = {
    attach: () => ({ aux: '/', qid: rootqid }),
    async walk1(_, name, fid, req) {
      log.push(`walk ${name}`)
      if (name.startsWith('slow')) await hold[name]!(req.signal)
      if (name === 'bug') throw new Error('a bug of the server')
      return { aux: name, qid: { type: name.startsWith('d') ? c.QTDIR : 0, vers: 0, path: BigInt(fid.fid + 1) } }
    },
    stat: fid => dir(fid.aux, fid.qid),
    async read(fid, _offset, count, req) {
      log.push(`read ${fid.aux}`)
      const held = hold[fid.aux]
      const data = held ? await held(req.signal) : new Uint8Array(count + 10)
      log.push(`read ${fid.aux} done`)
      return data
    },
    remove: fid => {
      log.push(`remove ${fid.aux}`)
      if (fid.aux === 'keep') throw new PlanError('kept')
    },
    clunk: fid => {
      log.push(`clunk ${fid.aux}`)
    },
    end: () => {
      log.push('end')
    },
  }
  return { srv, log }
}

async function connect(srv: Srv<string>) {
  const [mine, theirs] = pipeTransport()
  const conn = serve(theirs, srv)
  const client = await Client.connect(mine)
  return { conn, client, root: await client.attach('u', '') }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('clunk', () => {
  test('once a fid, after the last request on it', async () => {
    const gate = later<Uint8Array>()
    const { srv, log } = logged({ f: () => gate.promise })
    const { client, root, conn } = await connect(srv)
    const f = await (await root.walk(['f'])).open(c.OREAD)
    const read = f.read(1, 0)
    const [clunked] = [f.clunk()]
    await root.stat()
    expect(log).toEqual(['walk f', 'read f'])
    gate.resolve(Uint8Array.of(7))
    expect(await read).toEqual(Uint8Array.of(7))
    await clunked
    expect(log).toEqual(['walk f', 'read f', 'read f done', 'clunk f'])
    client.close()
    await conn.closed
    expect(log.slice(4)).toEqual(['clunk /', 'end'])
  })

  test('the end of a connection aborts what waits, then clunks every fid', async () => {
    const { srv, log } = logged({
      f: signal => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new PlanError(Eintr)))),
    })
    const { client, root, conn } = await connect(srv)
    const f = await (await root.walk(['f'])).open(c.OREAD)
    const read = f.read(1, 0)
    await root.stat()
    client.close()
    await expect(read).rejects.toThrow(PlanError)
    await conn.closed
    expect(log.sort()).toEqual(['clunk /', 'clunk f', 'end', 'read f', 'walk f'])
  })

  test('remove clunks whether or not the file goes', async () => {
    const { srv, log } = logged()
    const { client, root } = await connect(srv)
    const keep = await root.walk(['keep'])
    await expect(client.rpc({ type: c.Tremove, fid: keep.fid })).rejects.toThrow('kept')
    await expect(client.rpc({ type: c.Tstat, fid: keep.fid })).rejects.toThrow(Eunknownfid)
    expect(log).toEqual(['walk keep', 'remove keep', 'clunk keep'])
  })

  test('a walk that does not arrive clunks what it had', async () => {
    const { srv, log } = logged()
    const { root } = await connect(srv)
    expect((await root.walkSome(['d', 'f', 'g'])).wqid.length).toBe(2)
    expect(log).toEqual(['walk d', 'walk f', 'clunk f'])
  })
})

describe('version', () => {
  test('a walk that was under way makes no fid in the next session', async () => {
    const gate = later<Uint8Array>()
    const { srv, log } = logged({ slow: () => gate.promise })
    const { client, root } = await connect(srv)
    void client.rpc({ type: c.Twalk, fid: root.fid, newfid: 50, wname: ['slow'] }).catch(() => undefined)
    const version = client.rpc({ type: c.Tversion, msize: 8192, version: '9P2000' })
    gate.resolve(new Uint8Array(0))
    expect((await version).msize).toBe(8192)
    await expect(client.rpc({ type: c.Tstat, fid: 50 })).rejects.toThrow(Eunknownfid)
    expect(log.sort()).toEqual(['clunk /', 'clunk slow', 'walk slow'])
  })
})

describe('flush', () => {
  test('answers after the old request has, even when that does not heed the signal', async () => {
    const gate = later<Uint8Array>()
    const { srv } = logged({ f: () => gate.promise })
    const [mine, theirs] = pipeTransport()
    serve(theirs, srv)
    const replies: Fcall[] = []
    const two = later()
    mine.start(
      msg => {
        replies.push(convM2S(msg))
        if (replies.length === 6) two.resolve()
      },
      () => {},
    )
    const send = (f: Fcall) => mine.send(convS2M(f))
    send({ type: c.Tversion, tag: c.NOTAG, msize: 8192, version: '9P2000' })
    await vi.waitFor(() => expect(replies.length).toBe(1))
    send({ type: c.Tattach, tag: 1, fid: 0, afid: c.NOFID, uname: 'u', aname: '' })
    await vi.waitFor(() => expect(replies.length).toBe(2))
    send({ type: c.Twalk, tag: 1, fid: 0, newfid: 1, wname: ['f'] })
    await vi.waitFor(() => expect(replies.length).toBe(3))
    send({ type: c.Topen, tag: 1, fid: 1, mode: 0 })
    await vi.waitFor(() => expect(replies.length).toBe(4))
    send({ type: c.Tread, tag: 2, fid: 1, offset: 0n, count: 10 })
    send({ type: c.Tflush, tag: 3, oldtag: 2 })
    await new Promise(resolve => setImmediate(resolve))
    expect(replies.length).toBe(4)
    gate.resolve(Uint8Array.of(1))
    await two.promise
    expect(replies.slice(4)).toEqual([
      { type: c.Rread, tag: 2, data: Uint8Array.of(1) },
      { type: c.Rflush, tag: 3 },
    ])
  })
})

describe('a file server’s mistakes', () => {
  test('what is no PlanError is logged whole and answered with i/o error', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { root } = await connect(logged().srv)
    await expect(root.walk(['bug'])).rejects.toThrow(Eio)
    expect(error).toHaveBeenCalledWith('9P server:', expect.objectContaining({ message: 'a bug of the server' }))
    await root.stat()
  })

  test('more data than asked for is cut', async () => {
    const { root } = await connect(logged().srv)
    const f = await (await root.walk(['f'])).open(c.OREAD)
    expect((await f.readSome(5, 0)).length).toBe(5)
  })

  test('an error string keeps within ERRMAX, and to whole characters', async () => {
    const { srv } = logged()
    srv.stat = () => {
      throw new PlanError('é'.repeat(100_000))
    }
    const { root } = await connect(srv)
    const err = await root.stat().catch(e => e)
    expect(err).toBeInstanceOf(PlanError)
    expect(err.message).toBe('é'.repeat(63))
  })

  test('a reply larger than msize is an error', async () => {
    const { srv } = logged()
    srv.stat = fid => dir('x'.repeat(300), fid.qid)
    const [mine, theirs] = pipeTransport()
    serve(theirs, srv)
    const client = await Client.connect(mine, { msize: 256 })
    const root = await client.attach('u', '')
    await expect(root.stat()).rejects.toThrow(Eiotoobig)
  })

  test('a reply that no message can say is i/o error', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { srv } = logged()
    srv.stat = fid => dir('x'.repeat(70_000), fid.qid)
    const { root } = await connect(srv)
    await expect(root.stat()).rejects.toThrow(Eio)
    expect(error).toHaveBeenCalled()
  })
})

describe('a client that does not read its replies', () => {
  test('is not read from any more until it does', async () => {
    const tree = new Tree('glenda')
    tree.add('/f', new Uint8Array(65536))
    const first: Fcall[] = [
      { type: c.Tversion, tag: c.NOTAG, msize: c.MSIZE, version: '9P2000' },
      { type: c.Tattach, tag: 1, fid: 0, afid: c.NOFID, uname: 'glenda', aname: '' },
      { type: c.Twalk, tag: 1, fid: 0, newfid: 1, wname: ['f'] },
      { type: c.Topen, tag: 1, fid: 1, mode: c.OREAD },
    ]
    const READS = 2000
    let asked = 0
    let taking = false
    let taken = 0
    const waiting: (() => void)[] = []
    const take = () => {
      taking = true
      for (const resolve of waiting.splice(0)) resolve()
    }
    const stream: ByteStream = {
      async read() {
        await new Promise(resolve => setImmediate(resolve))
        const setup = first.shift()
        if (setup) return convS2M(setup)
        if (asked === READS) return new Uint8Array(0)
        return convS2M({ type: c.Tread, tag: asked++, fid: 1, offset: 0n, count: 65536 })
      },
      async write(data) {
        if (data[4] === c.Rread && !taking) await new Promise<void>(resolve => waiting.push(resolve))
        taken += data.length
      },
      close() {},
    }
    const conn = serve(streamTransport(stream), ramfs(tree))
    // As many turns as would be enough for all of it.
    for (let i = 0; i < READS + 100; i++) await new Promise(resolve => setImmediate(resolve))
    expect(asked).toBeGreaterThan(10)
    expect(asked).toBeLessThan(100)
    take()
    await conn.closed
    expect(asked).toBe(READS)
    expect(taken).toBeGreaterThan((READS - 100) * 65536)
  })
})

describe('a directory that is read as it is found out', () => {
  /** Entries a, b, c; before the one named in `wait` it waits until it is flushed, or fails. */
  function slow() {
    const at = { wait: '', reached: later(), fail: false }
    const srv: Srv<string> = {
      attach: () => ({ aux: '/', qid: rootqid }),
      walk1: () => {
        throw new PlanError('no files')
      },
      stat: fid => dir(fid.aux, fid.qid),
      async *readdir(_, req) {
        for (const name of ['a', 'b', 'c']) {
          if (name === at.wait) {
            at.reached.resolve()
            if (at.fail) throw new PlanError('lost')
            await new Promise<never>((_, reject) => {
              req.signal.addEventListener('abort', () => reject(new PlanError(Eintr)), { once: true })
            })
          }
          yield dir(name, { type: 0, vers: 0, path: 1n })
        }
      },
    }
    return { at, srv }
  }
  const names = (data: Uint8Array) => convM2Ds(data).map(d => d.name)
  const RECORD = 60

  test('a later read of it can be flushed; then it is read from the start', async () => {
    const { at, srv } = slow()
    const { root } = await connect(srv)
    await root.open(c.OREAD)
    const first = await root.readSome(RECORD, 0)
    expect(names(first)).toEqual(['a'])
    at.wait = 'c'
    const abort = new AbortController()
    const second = root.readSome(RECORD, first.length, abort.signal)
    await at.reached.promise
    abort.abort()
    await expect(second).rejects.toThrow(Eintr)
    at.wait = ''
    await expect(root.readSome(RECORD, first.length)).rejects.toThrow(Ebadoffdir)
    expect(names(await root.readSome(8192, 0))).toEqual(['a', 'b', 'c'])
  })

  test('an error in its midst is told, and does not look like its end', async () => {
    const { at, srv } = slow()
    const { root } = await connect(srv)
    await root.open(c.OREAD)
    const first = await root.readSome(RECORD, 0)
    Object.assign(at, { wait: 'c', fail: true })
    await expect(root.readSome(RECORD, first.length)).rejects.toThrow('lost')
    await expect(root.readSome(RECORD, first.length)).rejects.toThrow(Ebadoffdir)
  })

  test('a count too small and a wrong offset change nothing', async () => {
    const { root } = await connect(slow().srv)
    await root.open(c.OREAD)
    const first = await root.readSome(RECORD, 0)
    await expect(root.readSome(10, first.length)).rejects.toThrow(Eshort)
    await expect(root.readSome(RECORD, first.length + 1)).rejects.toThrow(Ebadoffdir)
    expect(names(await root.readSome(8192, first.length))).toEqual(['b', 'c'])
  })
})
