import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot } from '../../shell/boot.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { parse } from '../../shell/parse.ts'

/** /rc/bin/9mlsetup, which a 9front guest runs, run by our rc: where a file of 9front's is wanted, one is put there. */

const script = readFileSync(join(import.meta.dirname, '../../plan9/root/rc/bin/9mlsetup'), 'utf8')

/** Keeps what it was called with, and is then as listening as 9front's. */
const listen1 = `#!/bin/rc
echo $* >/tmp/listen1
echo '::!564' >/net/tcp/0/local
sleep 1000
`

function guest(files: Record<string, string> = {}) {
  const cons = new Testcons()
  const m = boot({ fill: fillRoot, cons: [cons] })
  for (const dir of ['/n/sh', '/n/pipe']) m.tree.mkdir(dir)
  for (const [name, text] of Object.entries(files)) m.tree.add(name, text, name.startsWith('/rc/bin') ? 0o775 : 0o664)
  return {
    tree: m.tree,
    text(name: string) {
      const f = m.tree.lookup(name)!
      return new TextDecoder().decode(f.data.subarray(0, f.length))
    },
    /** What a command of rc prints. */
    async rc(text: string) {
      const from = cons.out.length
      const { exited } = await m.start({
        argv: ['rc', '-c', `cputype=386; if(test -d /tmp/net) bind /tmp/net /net\n${text}`],
        cons: 0,
      })
      const status = await exited
      return { status, out: cons.out.slice(from) }
    },
  }
}

const net = {
  '/tmp/net/ndb': 'ip=192.168.86.100 ipmask=/120 ipgw=192.168.86.1\n',
  '/tmp/net/tcp/clone': '',
  '/tmp/net/tcp/0/local': '::!0\n',
}

test('the script is rc', () => {
  expect(parse(script).length).toBeGreaterThan(10)
})

test('a guest with a network and a serial line is reached by both', async () => {
  const g = guest({ ...net, '/rc/bin/aux/listen1': listen1 })
  const r = await g.rc(`bind '#|' /n/pipe; rc /rc/bin/9mlsetup /n/sh /n/pipe/data
mount /n/pipe/data1 /n/temp; ls -d /n/temp/rc/bin/9mlsetup`)
  expect(r.out).toContain('9ml: ready tcp eia1\n')
  expect(r.out).toContain('\n/n/temp/rc/bin/9mlsetup\n')
  // The pipe has no ctl file.
  expect(r.out.match(/^9mlsetup: .*$/gm)).toEqual([expect.stringMatching(/^9mlsetup: \/n\/pipe\/datactl: /)])
  expect(g.text('/tmp/listen1')).toBe('-t tcp!*!564 /bin/exportfs -r /\n')
  expect(g.text('/tmp/net/ndb')).toBe(`${net['/tmp/net/ndb']}sys=host sys=page ip=192.168.86.1\n`)
})

test('the programs of the disk can be executed, and are behind those of the guest', async () => {
  const g = guest({
    '/n/sh/386/bin/hello': '#!/bin/rc\necho hello from the disk\n',
    '/n/sh/386/bin/ls': '#!/bin/rc\necho never\n',
    '/n/sh/amd64/bin/other': '#!/bin/rc\n',
  })
  const r = await g.rc('rc /rc/bin/9mlsetup /n/sh /nosuch; hello; ls -d /n/sh')
  expect(r.out).toMatch(/\nhello from the disk\n\/n\/sh\n$/)
  expect(g.tree.lookup('/tmp/9ml/386/bin/hello')!.mode & 0o111).toBe(0o111)
  expect(g.tree.lookup('/tmp/9ml/amd64')).toBeUndefined()
})

test('where there is no way in, that is its status, and what is missing is said', async () => {
  const r = await guest().rc('9mlsetup')
  expect(r.status).toContain('no way in')
  expect(r.out).not.toContain('9ml: ready')
  expect(r.out.match(/^9mlsetup: .*$/gm)).toEqual([
    '9mlsetup: no network',
    '9mlsetup: no second serial line',
    '9mlsetup: there is no way in',
  ])
})

test('a listener that does not come up is told, and the serial line is there still', async () => {
  const g = guest({ ...net, '/rc/bin/aux/listen1': '#!/bin/rc\nexit announce\n' })
  const r = await g.rc(`bind '#|' /n/pipe; rc /rc/bin/9mlsetup /n/sh /n/pipe/data`)
  expect(r.out).toContain('9mlsetup: nobody listens on tcp port 564\n')
  expect(r.out).toContain('9ml: ready eia1\n')
})

test('a second run starts nothing again', async () => {
  const g = guest({ ...net, '/rc/bin/aux/listen1': listen1 })
  const again = 'rc /rc/bin/9mlsetup /n/sh /n/pipe/data'
  const r = await g.rc(`bind '#|' /n/pipe; ${again}; rm /tmp/listen1; ${again}`)
  expect(r.out.match(/^9ml: ready.*$/gm)).toEqual(['9ml: ready tcp eia1', '9ml: ready tcp eia1'])
  expect(g.tree.lookup('/tmp/listen1')).toBeUndefined()
  expect(g.text('/tmp/net/ndb').match(/sys=page/g)).toHaveLength(1)
})
