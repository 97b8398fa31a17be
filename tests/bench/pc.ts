import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pack, unpack } from '../../emulator/pc/snapshot.ts'
import { PcThread } from '../../emulator/pc/thread.ts'
import { Client } from '../../plan9/9p/client.ts'
import { type ByteStream, streamTransport } from '../../plan9/9p/framer.ts'
import { pcWorker } from '../../shell/node/pcworker.ts'
import { guest } from '../pc/guest.ts'

/** pc(4) with Linux in it: boot and restore, 9P and bytes over TCP and the serial line; beside the same llmfs on the host. */

const MB = 1e6
const SIZE = 8 * MB
const made = { memory: 128 << 20, net: true, uart1: true }

const seconds = async <T>(f: () => Promise<T>): Promise<[number, T]> => {
  const start = performance.now()
  const value = await f()
  return [(performance.now() - start) / 1000, value]
}

/** Reads what the console says until `re` comes. */
function consoleOf(pc: PcThread) {
  let text = ''
  const until = async (re: RegExp) => {
    for (;;) {
      const m = re.exec(text)
      if (m) {
        text = text.slice(m.index + m[0].length)
        return
      }
      const b = await pc.console.read()
      if (b.length === 0) throw new Error(`the PC is gone: ${text}`)
      text += Buffer.from(b).toString()
    }
  }
  let n = 0
  return {
    until,
    async type(command: string) {
      await pc.console.write(Buffer.from(`${command}; echo 'done'${++n}\n`))
      await until(new RegExp(`done${n}\r?\n`))
    },
  }
}

/** Round trips a second of a client that has one request under way. */
async function roundtrips(c: ByteStream, n: number): Promise<number> {
  const client = await Client.connect(streamTransport(c))
  const root = await client.attach('glenda', '')
  const [t] = await seconds(async () => {
    for (let i = 0; i < n; i++) await root.stat()
  })
  client.close()
  return n / t
}

async function drain(c: ByteStream, n: number): Promise<void> {
  for (let at = 0; at < n; ) {
    const b = await c.read()
    if (b.length === 0) throw new Error(`ended after ${at} bytes`)
    at += b.length
  }
}

export default async function bench() {
  const g = await guest()
  const kernel = { bzimage: g.kernel, initrd: g.initrd, cmdline: 'console=ttyS0 quiet' }
  const bios = { bios: g.bios, vgabios: g.vgabios }
  const [cold, pc] = await seconds(async () => {
    const pc = await PcThread.start(pcWorker(), { ...made, ...bios, kernel }, {})
    await pc.run()
    await consoleOf(pc).until(/guest# /)
    return pc
  })
  const { type } = consoleOf(pc)
  await type('echo')
  const [save, file] = await seconds(async () => pack(made, await pc.save()))

  const child = spawn(join(import.meta.dirname, '..', '..', 'dist', 'guest', 'linux', '386', 'llmfs'), ['-i'])
  const chunks = child.stdout.iterator()
  const native = await roundtrips(
    {
      async read() {
        const { value, done } = await chunks.next()
        return done ? new Uint8Array(0) : new Uint8Array(value)
      },
      write: b => void child.stdin.write(b),
      close: () => void child.stdin.end(),
    },
    20_000,
  )
  const tcp = await roundtrips(await pc.dial(564), 1000)
  await type('stty -F /dev/ttyS1 raw -echo; (llmfs -i <>/dev/ttyS1 >&0 2>/dev/null &); sleep 1')
  const serial = await roundtrips(pc.eia1, 100)
  await type('killall llmfs')

  await type(
    "printf '#!/bin/sh\\nexec dd if=/dev/zero bs=64k 2>/dev/null\\n' >/zero; printf '#!/bin/sh\\nexec cat >/dev/null\\n' >/null; chmod +x /zero /null",
  )
  await type('(nc -ll -p 9001 -e /null &); (nc -ll -p 9002 -e /zero &); sleep 1')
  const sink = await pc.dial(9001)
  const block = new Uint8Array(65536)
  const [into] = await seconds(async () => {
    for (let at = 0; at < SIZE; at += block.length) await sink.write(block)
  })
  sink.close()
  const source = await pc.dial(9002)
  const [out] = await seconds(() => drain(source, SIZE))
  source.close()
  pc.stop()

  const [restored] = await seconds(async () => {
    const { state, host } = await unpack(file, made)
    const pc = await PcThread.start(pcWorker(), { ...made, ...bios, state, ...(host && { host }) }, {})
    await pc.run()
    const c = consoleOf(pc)
    await c.type('echo')
    pc.stop()
  })
  const f = (n: number) => n.toFixed(n < 10 ? 2 : 0)
  return {
    rows: [
      ['', 'figure', 'peer', 'ratio'],
      ['boot to prompt, s (peer: restored from a snapshot)', f(cold), f(restored), f(cold / restored)],
      [`snapshot written, s (${f(file.length / MB)} MB)`, f(save), '', ''],
      [
        '9P round trips a second over TCP (peer: llmfs on the host, by pipe)',
        f(tcp),
        f(native),
        (tcp / native).toFixed(4),
      ],
      ['the same over the serial line', f(serial), f(native), (serial / native).toFixed(4)],
      ['TCP into the guest, MB/s (peer: out of it)', f(SIZE / MB / into), f(SIZE / MB / out), f(out / into)],
    ],
  }
}
