import { afterEach, describe, expect, test } from 'vitest'
import { concat } from './bit.ts'
import { Client } from './client.ts'
import { OREAD } from './const.ts'
import { convM2S, convS2M } from './fcall.ts'
import { fcallfmt, parsefcall } from './fmt.ts'
import { serve } from './server.ts'
import { tap } from './tap.ts'
import { History, messages, Onlooker, Records, tracefmt } from './trace.ts'
import { pipeTransport } from './transport.ts'
import { ramfs, Tree } from './tree.ts'

let open: Onlooker[] = []
const look = (wake = () => {}) => {
  const o = new Onlooker(wake)
  open.push(o)
  return o
}
afterEach(() => {
  for (const o of open) o.close()
  open = []
})

function tree(): Tree {
  const t = new Tree('glenda')
  t.now = () => 1000
  t.root.atime = t.root.mtime = 1000
  t.add('/hello', 'hello, world\n')
  return t
}

/** A client on a ramfs, each with a name. */
async function converse(name: string) {
  const [a, b] = pipeTransport()
  serve(b, ramfs(tree()), { name: 'ram' })
  return Client.connect(a, { name })
}

const all = (o: Onlooker, cut = 1 << 20) => {
  const records = new Records()
  const seen = []
  for (let b = o.take(1 << 20); b; b = o.take(1 << 20)) {
    const bytes = concat(b)
    for (let i = 0; i < bytes.length; i += cut) seen.push(...records.push(bytes.subarray(i, i + cut)))
  }
  return seen
}

describe('an onlooker', () => {
  test('sees both ends of a connection, in order, however the bytes are cut', async () => {
    const o = look()
    const client = await converse('/srv/ram')
    const root = await client.attach('glenda', '')
    const f = await root.walk(['hello'])
    await f.open(OREAD)
    await f.readAll()
    const seen = all(o, 7)
    expect(seen.filter(s => s.conn === '/srv/ram').map(s => fcallfmt(convM2S(s.msg)))).toEqual(
      seen.filter(s => s.conn === 'ram<').map(s => fcallfmt(convM2S(s.msg))),
    )
    expect(new Set(seen.map(s => s.conn))).toEqual(new Set(['/srv/ram', 'ram<']))
    expect(seen.every((s, i) => i === 0 || s.at >= seen[i - 1]!.at)).toBe(true)
    expect(Math.abs(seen[0]!.at / 1000 - Date.now())).toBeLessThan(60_000)
  })

  test('the tap is open while there is one, and not else; those who look on are not looked at', async () => {
    expect(tap.see).toBeUndefined()
    const a = look()
    const b = look()
    a.close()
    expect(tap.see).toBeDefined()
    await converse('inspector')
    expect(all(b).every(s => s.conn === 'ram<')).toBe(true)
    b.close()
    expect(tap.see).toBeUndefined()
  })

  test('what waits is bounded, and what is lost is counted', () => {
    let woken = 0
    const o = look(() => woken++)
    const msg = new Uint8Array(1 << 20)
    for (let i = 0; i < 20; i++) tap.see!('c', true, msg)
    expect(woken).toBe(1)
    const first = all(o)
    expect(first.length).toBe(15)
    tap.see!('c', true, msg)
    expect(all(o).map(s => s.lost)).toEqual([5])
    expect(woken).toBe(2)
  })
})

describe('a history', () => {
  test('has replies beside requests, and can be replayed as a trace', async () => {
    const o = look()
    const client = await converse('c')
    const root = await client.attach('glenda', '')
    await Promise.allSettled([root.walk(['hello']), root.walk(['nosuch']), root.stat()])
    const history = new History()
    for (const s of all(o)) if (s.conn === 'c') history.add(s)
    const { exchanges } = history
    expect(exchanges.map(x => [x.t![4], x.r![4]])).toEqual([
      [100, 101],
      [104, 105],
      [110, 111],
      [110, 107],
      [124, 125],
    ])
    expect(exchanges.every(x => x.took! >= 0)).toBe(true)

    const text = tracefmt(exchanges)
    const lines = text.trim().split('\n')
    expect(lines.map(l => Buffer.from(convS2M(parsefcall(l))).toString('hex')).sort()).toEqual(
      messages(exchanges)
        .map(m => Buffer.from(m.msg).toString('hex'))
        .sort(),
    )
    // The same requests to another server of the same files have the same replies.
    const [a, b] = pipeTransport()
    serve(b, ramfs(tree()))
    const replies: string[] = []
    a.start(
      msg => {
        replies.push(fcallfmt(convM2S(msg)))
      },
      () => {},
    )
    let awaited = 0
    for (const l of lines)
      if (l.startsWith('T')) await a.send(convS2M(parsefcall(l)))
      else {
        awaited++
        await expect.poll(() => replies.length).toBeGreaterThanOrEqual(awaited)
      }
    const same = (s: string) => s.replace(/\([0-9a-f]{16}/g, '(*')
    expect(replies.map(same).sort()).toEqual(
      lines
        .filter(l => l.startsWith('R'))
        .map(same)
        .sort(),
    )
  })

  test('keeps what came last, and counts what it has forgotten', () => {
    const history = new History(10_000)
    const msg = (tag: number, type: number) =>
      Uint8Array.of(7, 0, 0, 0, type, tag & 255, tag >> 8, ...Array(93).fill(0))
    for (let i = 0; i < 500; i++) {
      history.add({ conn: 'c', at: i, lost: 0, msg: msg(i, 116) })
      history.add({ conn: 'c', at: i, lost: 0, msg: msg(i, 117) })
    }
    expect(history.exchanges.length).toBeLessThanOrEqual(50)
    expect(history.exchanges.at(-1)).toMatchObject({ at: 499, took: 0 })
    expect(history.lost).toBe(1000 - 2 * history.exchanges.length)
    history.add({ conn: 'c', at: 501, lost: 3, msg: msg(7, 117) })
    expect(history.exchanges.at(-1)!.t).toBeUndefined()
    history.clear()
    expect(history).toMatchObject({ exchanges: [], lost: 0 })
  })
})
