import { expect, it } from 'vitest'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { PlanError } from '../../plan9/error.ts'
import { served, Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot } from '../boot.ts'
import { fillRoot } from '../node/root.ts'

/** A network as ip(3) and ndb/cs(8) show one: files, and a connection server that answers questions. */
function network(answers: Record<string, string[]>) {
  const tree = new Tree('network')
  const talk = (net: string, n: number, status: string, local: string, remote: string) => {
    for (const [file, text] of Object.entries({ status, local, remote })) tree.add(`/${net}/${n}/${file}`, text)
  }
  talk('tcp', 0, 'Listen qin 0 qout 0\n', '::!564\n', '::!0\n')
  talk('tcp', 1, 'Established qin 0\n', '10.1.1.2!564\n', '10.1.1.9!40123\n')
  tree.add('/tcp/clone', '')
  tree.add('/tcp/stats', 'MaxConn: 1\n')
  talk('udp', 0, 'Open\n', '::!53\n', '::!0\n')
  tree.add('/ipifc/clone', '')
  tree.add(
    '/ipifc/0/status',
    'device /net/ether0 maxtu 1514 sendra 0 recvra 0 pktin 12 pktout 34 errin 5 errout 6\n' +
      '\t10.1.1.2   /120  10.1.1.0   4294967295   4294967295\n\tfe80::1  /64  fe80::  4294967295  4294967295\n',
  )
  tree.add('/ipifc/1/status', 'device  maxtu 0 sendra 0\n')
  tree.add('/log', '')
  tree.add('/cs', '', 0o666)
  const fs = ramfs(tree)
  let lines: string[] = []
  return served({
    ...fs,
    write(fid, offset, data, req) {
      if (fid.aux.name !== 'cs') return fs.write!(fid, offset, data, req)
      const found = answers[new TextDecoder().decode(data)]
      if (found === undefined) throw new PlanError('cs: no match')
      lines = [...found]
      return data.length
    },
    read(fid, offset, count, req) {
      if (fid.aux.name !== 'cs') return fs.read!(fid, offset, count, req)
      return new TextEncoder().encode(lines.shift() ?? '')
    },
  } satisfies typeof fs)
}

async function netstat(command: string, answers: Record<string, string[]> = {}) {
  const cons = new Testcons()
  const m = boot({ fill: fillRoot, cons: [cons], services: { net: network(answers) } })
  const { exited } = await m.start({ argv: ['rc', '-c', `mount '#s/net' /n/remote; ${command}`], cons: 0 })
  const status = await exited
  return { status, out: cons.out }
}

const listen = 'tcp  0    network    Listen       564        0          ::\n'
const talk = 'tcp  1    network    Established  564        40123      10.1.1.9\n'
const udp = 'udp  0    network    Open         53         0          ::\n'

it('lists conversations', async () => {
  expect(await netstat('netstat -n /n/remote')).toEqual({ status: '', out: listen + talk + udp })
  expect((await netstat('netstat -p udp -p nosuch /n/remote')).out).toBe(udp)
})

it('names are the connection server’s, where it has one', async () => {
  const { out } = await netstat('netstat -p tcp /n/remote', {
    '!port=564 tcp=*': ['port=564 proto=tcp', 'tcp=9fs port=564'],
    '!ip=10.1.1.9 dom=*': ['ip=10.1.1.9 dom=mars.example'],
  })
  expect(out).toBe(listen.replace('564', '9fs') + talk.replace('564', '9fs').replace('10.1.1.9', 'mars.example'))
})

it('-i lists interfaces, a line for each address', async () => {
  expect((await netstat('netstat -i /n/remote')).out).toBe(
    '/net/ether0   1514 10.1.1.2  /120 10.1.1.0       12       34        5        6\n' +
      '/net/ether0   1514 fe80::1    /64 fe80::         12       34        5        6\n',
  )
})

it('this system has no network of its own; where nothing is that is said', async () => {
  expect(await netstat('netstat; netstat -i')).toEqual({ status: '', out: '' })
  const gone = "open /nosuch: file does not exist: '/nosuch'"
  expect(await netstat('netstat /nosuch')).toEqual({ status: gone, out: `netstat: ${gone}\n` })
  expect(await netstat('netstat a b')).toEqual({
    status: 'usage',
    out: 'usage: netstat [-in] [-p proto] [network-dir]\n',
  })
})
