import { describe, expect, test } from 'vitest'
import { bytePipe } from '../../tests/9p/bytepipe.ts'
import { Random } from '../../tests/random.ts'
import { ProtocolError } from '../error.ts'
import { type ByteStream, Framer, streamTransport } from './framer.ts'

/** A message of n bytes, all of them b after the size. */
function message(n: number, b: number): Uint8Array {
  const msg = new Uint8Array(n).fill(b)
  new DataView(msg.buffer).setUint32(0, n, true)
  return msg
}

describe('Framer', () => {
  const seed = 564
  test(`messages come out whole however the stream is cut (seed ${seed})`, () => {
    const random = new Random(seed)
    const msgs = Array.from({ length: 300 }, (_, i) => message(7 + random.int(random.pick([1, 40, 3000])), i))
    const stream = Uint8Array.from(msgs.flatMap(m => [...m]))
    for (const most of [1, 3, 10, 100, 5000, stream.length]) {
      const framer = new Framer(4096)
      const got: Uint8Array[] = []
      for (let at = 0; at < stream.length; ) {
        const n = most < 100 ? most : 1 + random.int(most)
        got.push(...framer.push(stream.slice(at, at + n)))
        at += n
      }
      expect(got).toEqual(msgs)
      expect(framer.pending).toBe(0)
    }
  })
  test('a size is refused as soon as it is known, and nothing is set aside for it', () => {
    for (const size of [0, 6, 4097, 3 * 2 ** 30, 2 ** 32 - 1]) {
      const framer = new Framer(4096)
      const head = message(7, 0)
      new DataView(head.buffer).setUint32(0, size, true)
      expect([...framer.push(head.subarray(0, 3))]).toEqual([])
      expect(() => [...framer.push(head.subarray(3, 4))]).toThrow(
        new ProtocolError(`message size ${size} out of range`),
      )
    }
  })
  test('the smallest and the largest message pass', () => {
    const framer = new Framer(4096)
    const [a, b] = [message(7, 1), message(4096, 2)]
    expect([...framer.push(a), ...framer.push(b)]).toEqual([a, b])
  })
})

describe('streamTransport', () => {
  /** How the connection ended, when it does. */
  const ended = (stream: ByteStream, onmessage: (msg: Uint8Array) => void = () => {}) =>
    new Promise<Error | undefined>(resolve => streamTransport(stream, 100).start(onmessage, resolve))

  test('tells how it ended', async () => {
    const how = async (bytes: Uint8Array) => {
      const [a, b] = bytePipe()
      const end = ended(a)
      await b.write(bytes)
      b.close()
      return end
    }
    expect(await how(new Uint8Array(0))).toEqual(new Error('hungup'))
    expect(await how(message(9, 1))).toEqual(new Error('hungup'))
    expect(await how(message(9, 1).subarray(0, 8))).toEqual(new ProtocolError('stream ends within a message'))
    expect(await how(message(101, 1))).toEqual(new ProtocolError('message size 101 out of range'))
  })
  test('messages before the bad one arrive', async () => {
    const [a, b] = bytePipe()
    const got: Uint8Array[] = []
    const end = ended(a, msg => got.push(msg))
    await b.write(Uint8Array.of(...message(9, 1), ...message(8, 2), 0, 0, 0, 0))
    expect(await end).toBeInstanceOf(ProtocolError)
    expect(got).toEqual([message(9, 1), message(8, 2)])
  })
  test('what was sent before close goes out, in order, and nothing after', async () => {
    const seen: (number | 'closed')[] = []
    let done!: () => void
    const closed = new Promise<void>(resolve => {
      done = resolve
    })
    const t = streamTransport({
      read: () => new Promise(() => {}),
      write: async data => {
        await null
        seen.push(data.length)
      },
      close() {
        seen.push('closed')
        done()
      },
    })
    t.start(
      () => {},
      () => {},
    )
    for (const n of [7, 8, 9]) void t.send(message(n, n))
    t.close()
    void t.send(message(10, 10))
    await closed
    expect(seen).toEqual([7, 8, 9, 'closed'])
  })
  test('a write that fails ends the connection, with its reason', async () => {
    const broken = new Error('cable pulled')
    let written = 0
    const t = streamTransport({
      read: () => new Promise(() => {}),
      write: () => {
        written++
        return Promise.reject(broken)
      },
      close() {},
    })
    const end = new Promise(resolve => t.start(() => {}, resolve))
    await Promise.all([t.send(message(7, 1)), t.send(message(7, 2))])
    expect(await end).toBe(broken)
    expect(written).toBe(1)
  })
})
