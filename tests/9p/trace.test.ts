import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Client } from '../../plan9/9p/client.ts'
import { DMAPPEND, DMEXCL, Tflush } from '../../plan9/9p/const.ts'
import { convM2S, convS2M } from '../../plan9/9p/fcall.ts'
import { fcallfmt, parsefcall } from '../../plan9/9p/fmt.ts'
import { Framer, streamTransport } from '../../plan9/9p/framer.ts'
import { serve } from '../../plan9/9p/server.ts'
import type { Srv } from '../../plan9/9p/srv.ts'
import { type File, ramfs, Tree } from '../../plan9/9p/tree.ts'
import { Eintr, PlanError } from '../../plan9/error.ts'
import { bytePipe } from './bytepipe.ts'

/*
 * A trace is a conversation with a ramfs, a line each:
 *
 *   T...        a message, as fcallfmt writes it, is sent
 *   R...        this reply is awaited; `*` stands for any one word, `...` for the rest.
 *               Replies to different tags come in any order.
 *   none TAG    no reply to TAG has come so far
 *   order A B   the last reply to A came before the last to B
 *   hex BYTES   bytes are sent as they are
 *   closed      the server closes the connection
 *   # ...       a comment
 *
 * At the end no reply may be left over. A second connection to the same files goes on all the while.
 */

/** The runner's own tag. */
const PING = 0xfffe

/** Files with fixed times; a read of /block waits until it is flushed. */
function server(): Srv<File> {
  const tree = new Tree('glenda')
  tree.now = () => 1000
  tree.root.atime = tree.root.mtime = 1000
  tree.add('/hello', 'hello, world\n')
  tree.add('/empty', '')
  tree.add('/secret', 'for glenda', 0o600)
  tree.add('/block', '')
  tree.add('/log', 'one\n', DMAPPEND | 0o666)
  tree.add('/excl', '', DMEXCL | 0o666)
  tree.add('/dir/sub/deep', 'down here', 0o666)
  tree.add('/dir/x', 'X', 0o666)
  tree.lookup('/dir')!.mode |= 0o777
  const srv = ramfs(tree)
  return {
    ...srv,
    read(fid, offset, count, req) {
      if (fid.aux.name !== 'block') return srv.read!(fid, offset, count, req)
      return new Promise((_, reject) => {
        req.signal.addEventListener('abort', () => reject(new PlanError(Eintr)), { once: true })
      })
    },
  }
}

function matches(pattern: string, line: string): boolean {
  const words = pattern.split(' ').map(w => w.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^ ]+'))
  if (words.at(-1) === '\\.\\.\\.') words.splice(-1, 1, '.*')
  return new RegExp(`^${words.join(' ')}$`).test(line)
}

async function run(text: string): Promise<void> {
  const srv = server()
  const [a, b] = bytePipe()
  const [other, otherEnd] = bytePipe()
  const conn = serve(streamTransport(a), srv)
  serve(streamTransport(otherEnd), srv)
  const bystander = await Client.connect(streamTransport(other))
  const root = await bystander.attach('glenda', '')

  const framer = new Framer(1 << 20)
  const replies: { tag: number; line: string }[] = []
  /** The tags of all replies as they came. */
  const came: number[] = []
  let over = false
  /** More replies, or the end. */
  const more = async (): Promise<void> => {
    const data = await b.read()
    if (data.length === 0) over = true
    for (const msg of framer.push(data)) {
      const f = convM2S(msg)
      replies.push({ tag: f.tag, line: fcallfmt(f) })
      came.push(f.tag)
    }
  }
  const lines = text.split('\n').map(l => l.replace(/^#.*/, '').trim())
  for (const [i, line] of lines.entries()) {
    const where = `line ${i + 1}: ${line}`
    if (line.startsWith('T')) await b.write(convS2M(parsefcall(line)))
    else if (line.startsWith('hex ')) {
      const h = line.slice(4).replaceAll(' ', '')
      await b.write(Uint8Array.from(h.match(/../g) ?? [], x => Number.parseInt(x, 16)))
    } else if (line.startsWith('R')) {
      const word = line.split(' ')[2]!
      const tag = word === 'NOTAG' ? 0xffff : Number(word)
      for (;;) {
        const at = replies.findIndex(r => r.tag === tag)
        if (at >= 0) {
          const [reply] = replies.splice(at, 1)
          if (!matches(line, reply!.line)) expect(reply!.line, where).toBe(line)
          break
        }
        if (over) throw new Error(`${where}: the connection is closed; replies left: ${JSON.stringify(replies)}`)
        await more()
      }
    } else if (line.startsWith('none ')) {
      const tag = Number(line.slice(5))
      expect(
        replies.filter(r => r.tag === tag),
        where,
      ).toEqual([])
    } else if (line.startsWith('order ')) {
      const [first, second] = line.split(' ').slice(1).map(Number)
      expect(came.lastIndexOf(first!), where).toBeGreaterThanOrEqual(0)
      expect(came.lastIndexOf(first!), where).toBeLessThan(came.lastIndexOf(second!))
    } else if (line === 'closed') {
      while (!over) await more()
      await conn.closed
    } else if (line !== '') throw new SyntaxError(where)
  }
  if (!over) {
    // All is in memory: a turn of the event loop later, whatever is answered at all has been; the ping tells that it was read.
    await new Promise(resolve => setImmediate(resolve))
    await b.write(convS2M({ type: Tflush, tag: PING, oldtag: PING }))
    while (came.at(-1) !== PING) await more()
    replies.splice(
      replies.findIndex(r => r.tag === PING),
      1,
    )
    b.close()
  }
  await conn.closed
  expect(replies, 'left over').toEqual([])

  expect((await root.stat()).name).toBe('/')
  bystander.close()
}

const here = new URL('.', import.meta.url)
const traces = readdirSync(here)
  .filter(f => f.endsWith('.trace'))
  .sort()

describe('conversations', () => {
  test('there are traces', () => {
    expect(traces.length).toBeGreaterThanOrEqual(20)
  })
  test.each(traces)('%s', f => run(readFileSync(new URL(f, here), 'utf8')))
})

describe('the runner', () => {
  const hello = 'Tversion tag NOTAG msize 8192 version 9P2000\n'
  test('refuses a reply that is not as expected', async () => {
    await expect(run(`${hello}Rversion tag NOTAG msize 8191 version 9P2000`)).rejects.toThrow('line 2')
  })
  test('refuses a reply that nobody expects', async () => {
    await expect(run(hello)).rejects.toThrow('left over')
  })
  test('refuses a line that it does not know', async () => {
    await expect(run('version')).rejects.toThrow('line 1: version')
  })
})
