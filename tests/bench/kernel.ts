import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { MREPL, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { postsrv } from '../../plan9/libc/postsrv.ts'

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

/** Microseconds of one f, the median of five runs of n. */
async function each(n: number, f: () => Promise<unknown>): Promise<string> {
  const runs: number[] = []
  for (let r = 0; r < 6; r++) {
    const start = performance.now()
    for (let i = 0; i < n; i++) await f()
    if (r > 0) runs.push(((performance.now() - start) * 1000) / n)
  }
  return `${median(runs).toFixed(2)} us`
}

/** Reads fd to its end in counts of 64 KB. */
async function drain(sys: Sys, fd: number): Promise<string> {
  const start = performance.now()
  let bytes = 0
  for (;;) {
    const b = await sys.read(fd, 65536)
    if (b.length === 0) break
    bytes += b.length
  }
  return `${(bytes / 1000 / (performance.now() - start)).toFixed(0)} MB/s`
}

/** What the system calls cost, on a root in memory behind 9P: alone, and as throughput in 64 KB pieces. */
export default async function bench(): Promise<{ name: string; rows: string[][] }> {
  const rows = [['call', 'cost']]
  const t = boot({ '/lib/f': 'x'.repeat(8192) })
  t.tree.add('/lib/big', new Uint8Array(64 << 20))
  t.program('true', async () => '')
  await t.proc(async sys => {
    const piece = new Uint8Array(65536)
    const row = async (name: string, cost: Promise<string>) => rows.push([name, await cost])
    const [null_, f] = [await sys.open('/dev/null', 2), await sys.open('/lib/f', 0)]
    await row(
      'write of 1 byte to /dev/null',
      each(50000, () => sys.write(null_, piece.subarray(0, 1))),
    )
    await row(
      'pread of 8 KB, mounted file',
      each(5000, () => sys.pread(f, 8192, 0)),
    )
    const openclose = async () => {
      const fd = await sys.open('/lib/f', 0)
      await sys.read(fd, 8192)
      await sys.close(fd)
    }
    await row('open, read, close, mounted file', each(2000, openclose))
    await row(
      'stat, mounted file',
      each(3000, () => sys.stat('/lib/f')),
    )
    const child = (body: (child: Sys) => Promise<string>) => async () => {
      await sys.rfork(RFPROC | RFFDG, body)
      await sys.wait()
    }
    await row(
      'rfork, wait',
      each(
        3000,
        child(async () => ''),
      ),
    )
    await row(
      'rfork, exec, wait',
      each(
        1000,
        child(c => c.exec('/bin/true', ['true'])),
      ),
    )

    const [a, b] = await sys.pipe()
    await sys.rfork(RFPROC | RFFDG, async c => {
      await c.close(b)
      for (let n = 0; n < 256 << 20; n += piece.length) await c.write(a, piece)
      return ''
    })
    await sys.close(a)
    await row('pipe between two processes', drain(sys, b))
    await row('file of the root server', drain(sys, await sys.open('/lib/big', 0)))
    const tree = new Tree('glenda')
    tree.add('/big', new Uint8Array(64 << 20))
    await postsrv(sys, 'bench', ramfs(tree))
    await sys.mount(await sys.open('/srv/bench', 2), -1, '/mnt', MREPL, '')
    await row('file of a server in a process', drain(sys, await sys.open('/mnt/big', 0)))
  })
  return { name: 'kernel', rows }
}
