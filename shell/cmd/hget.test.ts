import { afterEach, describe, expect, it } from 'vitest'
import { PNPROC } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'
import { Httpserver, type Served } from '../../tests/httpserver.ts'

const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff)
const servers: Httpserver[] = []
afterEach(async () => {
  for (const s of servers.splice(0)) await s.close()
})

async function serve(f: Partial<Served> = {}): Promise<{ server: Httpserver; file: Served; url: string }> {
  const file = { bytes, ...f }
  const server = await Httpserver.start({ '/f': file })
  servers.push(server)
  return { server, file, url: `${server.url}/f` }
}

const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0
const kept = (w: World) => {
  const f = w.tree.lookup('/tmp/f')
  return f?.data.subarray(0, f.length)
}

describe('hget', () => {
  it('copies to standard output, and goes on where a connection was lost', async () => {
    const { server, url } = await serve({ cuts: [1_000_000] })
    const r = await new World().run(['hget', url])
    expect([r.status, r.stderr]).toEqual(['', ''])
    expect(same(r.bytes, bytes)).toBe(true)
    expect(server.requests.length).toBe(2)
  })

  it('-b takes the URL from where another is', async () => {
    const { url } = await serve()
    const w = new World()
    expect(same((await w.run(['hget', '-b', `${url}/../x/y/index.html`, '../../f'])).bytes, bytes)).toBe(true)
    expect(same((await w.run(['hget', '-b', 'http://127.0.0.1:1/x', url])).bytes, bytes)).toBe(true)
    expect(await w.run(['hget', '-b', 'x', '../f'])).toMatchObject({
      status: '../f: bad url',
      stderr: 'hget: ../f: bad url\n',
    })
    expect(await w.run(['hget', '../f'])).toMatchObject({ status: '../f: bad url' })
    expect((await w.run(['hget', '-b'])).status).toBe('usage')
  })

  it('-o keeps a file: the rest of one that is shorter, nothing of one that is whole', async () => {
    const { server, url } = await serve({ modified: 1_000_000_000 })
    const w = new World({ '/tmp/f': bytes.slice(0, 2_500_000) })
    expect((await w.run(['hget', '-o', '/tmp/f', url])).stderr).toBe('')
    expect(same(kept(w), bytes)).toBe(true)
    expect(server.requests.map(q => [q.range, q.sent])).toEqual([['bytes=2500000-', 500_000]])
    expect((await w.run(['hget', '-o', '/tmp/f', url])).status).toBe('')
    expect(server.requests[1]).toMatchObject({ range: 'bytes=3000000-', sent: 0 })
    expect(server.requests.length).toBe(2)
    expect(same(kept(w), bytes)).toBe(true)
  })

  it.each<[string, Partial<Served>, number]>([
    ['is not there', {}, 0],
    ['is older', { modified: 4_000_000_000 }, 1_000_000],
    ['is longer', {}, 3_500_000],
    ['cannot be gone on with: no ranges', { ranges: false }, 1_000_000],
  ])('-o fetches all of a file that %s', async (_, how, have) => {
    const { url } = await serve(how)
    const w = new World(have > 0 ? { '/tmp/f': new Uint8Array(have) } : {})
    expect(await w.run(['hget', '-o', '/tmp/f', url])).toMatchObject({ status: '', stderr: '', stdout: '' })
    expect(same(kept(w), bytes)).toBe(true)
  })

  it('goes on by the same command after a note', async () => {
    const { server, url } = await serve({ hold: 2_000_000 })
    const w = new World()
    const { pid, result } = await w.start(['hget', '-o', '/tmp/f', url])
    while ((kept(w)?.length ?? 0) < 2_000_000) await new Promise(resolve => setTimeout(resolve, 1))
    w.kernel.postnote(PNPROC, pid, 'interrupt')
    expect((await result).status).toMatch(/interrupt/)
    while (!server.requests[0]!.broken) await new Promise(resolve => setTimeout(resolve, 1))
    server.go()
    expect((await w.run(['hget', '-o', '/tmp/f', url])).status).toBe('')
    expect(same(kept(w), bytes)).toBe(true)
    expect(server.requests[1]!.range).toBe('bytes=2000000-')
  })

  it('removes what is of two files', async () => {
    const { server, file, url } = await serve({ cuts: [1_000_000], etag: '"1"' })
    const w = new World()
    const { result } = await w.start(['hget', '-o', '/tmp/f', url])
    while (!server.requests[0]?.broken) await new Promise(resolve => setTimeout(resolve, 1))
    file.etag = '"2"'
    expect((await result).stderr).toBe(`hget: ${url}: file changed\n`)
    expect(kept(w)).toBeUndefined()
  })

  it('-v tells how far it has come', async () => {
    const { url } = await serve()
    const r = await new World().run(['hget', '-v', '-o', '/tmp/f', url])
    expect(r.stderr).toMatch(/^(\d+\/3000000 bytes \d+\.\d MB\/s\n)*3000000\/3000000 bytes \d+\.\d MB\/s\n$/)
  })

  it('says what is wrong', async () => {
    const { url } = await serve()
    const err = async (...argv: string[]) => (await new World().run(['hget', ...argv])).stderr
    expect(await err(`${url}x`)).toBe(`hget: ${url}x: 404 not found\n`)
    expect(await err('ftp://x/y')).toBe('hget: ftp://x/y: bad url\n')
    expect(await err('-o', '/nosuch/f', url)).toMatch(/^hget: .*: file does not exist/)
    expect(await err()).toBe('usage: hget [-v] [-o file] [-b baseurl] url\n')
    expect(await err('-x', url)).toBe('usage: hget [-v] [-o file] [-b baseurl] url\n')
  })
})
