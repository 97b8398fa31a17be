import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, LLMPORT, serveLlm } from '../../emulator/pc/build.ts'
import { boot, kernelof, setup } from '../../emulator/pc/profile.ts'
import { front } from '../../emulator/pc/profiles/9front.ts'
import type { Saved } from '../../emulator/pc/thread.ts'
import { Client } from '../../plan9/9p/client.ts'
import { OREAD, OTRUNC, OWRITE } from '../../plan9/9p/const.ts'
import { type ByteStream, streamTransport } from '../../plan9/9p/framer.ts'
import { serve } from '../../plan9/9p/server.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { contents } from '../conformance/files.ts'
import { slowSrv } from '../guest/guestllmfs.ts'
import { guestFiles } from '../guest/guestsubject.ts'
import { once } from '../llm/models.ts'
import { Random } from '../random.ts'
import { FILES, fileBlocks, type Guest, SLOW, sharedDisk, start } from './guest.ts'

/** What docs/tested.md says of a real 9front: each thing once, with what it took. */

const S = 1000
const top = join(import.meta.dirname, '..', '..')

interface Row {
  name: string
  seconds: number
  ok: boolean
  note: string
}

/** Thrown where a thing is not as it has to be. */
function must(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Error(what)
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
const rate = (bytes: number, ms: number) => `${Math.round(bytes / ms)} KB/s`

export async function main(image: string): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), '9ml-9front-'))
  const rows: Row[] = []
  const failed = new Set<string>()
  let transcript = ''
  let guest: Guest | undefined
  const servers: Server[] = []

  /** Does one thing, unless what it needs has failed. */
  async function step(name: string, needs: string[], f: () => Promise<string | undefined>): Promise<void> {
    const missing = needs.filter(n => failed.has(n))
    const begun = performance.now()
    let ok = false
    let note: string
    console.log(`== ${name}`)
    try {
      must(missing.length === 0, `not run for want of: ${missing.join(', ')}`)
      note = (await f()) ?? ''
      ok = true
    } catch (e) {
      note = e instanceof Error ? e.message : String(e)
      failed.add(name)
    }
    rows.push({ name, seconds: (performance.now() - begun) / 1000, ok, note })
    console.log(`   ${ok ? 'ok' : 'failed'} ${note}`)
  }

  const hda = fileBlocks(image)
  const disk = join(dir, 'disk')
  let hdb: ReturnType<typeof fileBlocks>
  let kernel: Uint8Array
  let saved: Saved
  const running = () => guest!
  const say = (text: string) => void (transcript += text)

  /** The guest's files over a stream: /, its kernel as the image has it, and a file that is written and read again. */
  async function files(stream: ByteStream, size: number): Promise<string> {
    const client = await Client.connect(streamTransport(stream))
    const root = await client.attach('glenda', '')
    const names = (await (await (await root.walk([])).open(OREAD)).readdir()).map(d => d.name)
    for (const name of ['386', 'bin', 'dev', 'n', 'sys', 'tmp', 'usr']) must(names.includes(name), `no /${name}`)
    const f = await (await root.walk(['386', '9pc'])).open(OREAD)
    let begun = performance.now()
    const part = await f.read(size, 0)
    const read = rate(part.length, performance.now() - begun)
    must(same(part, kernel.subarray(0, size)), '/386/9pc is not as it is in the image')
    const data = new Random(size).bytes(size)
    const made = await (await root.walk(['tmp'])).create(`9ml.${size}`, 0o666, OWRITE | OTRUNC)
    begun = performance.now()
    for (let at = 0; at < size; at += 8192) await made.write(data.subarray(at, at + 8192), at)
    const written = rate(size, performance.now() - begun)
    await made.clunk()
    const again = await (await root.walk(['tmp', `9ml.${size}`])).open(OREAD)
    must(same(await again.read(size, 0), data), 'what was written is not what is read')
    begun = performance.now()
    for (let i = 0; i < 20; i++) await root.stat()
    const trip = ((performance.now() - begun) / 20).toFixed(1)
    return `${names.length} files in /; read ${read}, write ${written}, a round trip ${trip} ms`
  }

  /** A port of this machine whose calls `take` answers. */
  async function local(take: (s: Socket) => void): Promise<number> {
    const server = createServer(take)
    servers.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as { port: number }).port
  }

  await step('image', [], async () => {
    kernel = await kernelof(front, hda)
    sharedDisk(disk)
    hdb = fileBlocks(disk)
    return `${(hda.size / 1e6).toFixed(0)} MB, kernel ${(kernel.length / 1e6).toFixed(1)} MB`
  })
  await step('boot', ['image'], async () => {
    guest = await start(front, { hda, hdb }, { console: say })
    await boot(front, guest.dialogue)
    return 'term%'
  })
  await step('setup', ['image', 'boot'], async () => {
    const ways = await setup(front, running().dialogue)
    must(ways.includes('tcp') && ways.includes('eia1'), `ways in: ${ways.join(' ')}`)
    return ways.join(' ')
  })
  await step('9P over TCP', ['boot', 'setup'], async () => files(await running().pc.dial(564), 1 << 20))
  await step('9P over the serial line', ['boot', 'setup'], async () => files(running().pc.eia1, 64 << 10))
  await step('9P from the guest', ['boot', 'setup'], async () => {
    const models = guestFiles()
    const tree = new Tree('glenda')
    for (const [name, bytes] of contents(models)) tree.add(name, bytes)
    const slow = slowSrv(models.stories)
    const { pc, dialogue } = running()
    await pc.listen(564, c => void serve(streamTransport(c), ramfs(tree)))
    await pc.listen(565, c => void serve(streamTransport(c), slow.srv))
    process.env['GO'] = String(
      await local(s => {
        slow.go()
        s.on('error', () => {}).destroy()
      }),
    )
    await dialogue.command(`srv tcp!host!564 suite; mount /srv/suite ${FILES}`, 60 * S)
    await dialogue.command(`srv tcp!page!565 slow; mount /srv/slow ${SLOW}`, 60 * S)
    const out = await dialogue.command(`wc -c ${FILES}/lib/llm/stories.bin`, 60 * S)
    must(out.includes(String(models.stories.length)), out)
    return 'host and page are names'
  })
  await step('build', ['boot', 'setup'], async () => (await build(running().dialogue)).join(' '))
  await step('run', ['boot', 'setup', 'build'], async () => {
    const lib = '/n/sh/lib/llm'
    const n = 100
    const out = await running().dialogue.command(
      `run ${lib}/stories.bin -z ${lib}/tokenizer.bin -t 0 -n ${n} -i 'Once upon a time'`,
      300 * S,
    )
    const speed = /achieved tok\/s: ([\d.]+)/.exec(out)
    const text = out.replace(/achieved tok\/s:.*\n?/, '').trim()
    must(text.length > 100 && once.text.startsWith(text), `another text: ${text}`)
    return `the host's text${speed ? `, ${speed[1]} tok/s` : ''}`
  })
  await step('llmfs', ['boot', 'setup', '9P from the guest', 'build'], async () => {
    await serveLlm(running().dialogue)
    const { pc } = running()
    const port = await local(s => {
      pc.dial(LLMPORT).then(
        c => {
          s.on('data', b => void c.write(b))
            .on('close', () => c.close())
            .on('error', () => {})
          void (async () => {
            for (let b = await c.read(); b.length > 0; b = await c.read()) s.write(b)
            s.end()
          })()
        },
        () => s.destroy(),
      )
    })
    const suite = spawn(
      join(top, 'node_modules', '.bin', 'vitest'),
      ['run', '--config', join(top, 'tests', '9front', 'vitest.config.ts')],
      { cwd: top, stdio: 'inherit', env: { ...process.env, LLMFS: String(port) } },
    )
    const code = await new Promise<number | null>(resolve => suite.on('close', resolve))
    must(code === 0, 'the suite has failed')
    return 'every rule of the suite'
  })
  await step('snapshot', ['boot', 'setup'], async () => {
    const begun = performance.now()
    saved = await running().pc.save()
    running().dialogue.close()
    running().pc.stop()
    return `${(saved.state.length / 1e6).toFixed(0)} MB in ${Math.round(performance.now() - begun)} ms`
  })
  await step('restore', ['boot', 'setup', 'snapshot'], async () => {
    guest = await start(front, { hda, hdb }, { saved, console: say })
    await guest.dialogue.prompt(60 * S, true)
    const name = await guest.dialogue.command('cat /dev/sysname; test -f /n/sh/setup', 60 * S)
    return `${name.trim()}; ${await files(await guest.pc.dial(564), 64 << 10)}`
  })

  guest?.dialogue.close()
  guest?.pc.stop()
  for (const s of servers) s.close()
  rmSync(dir, { recursive: true, force: true })
  const wide = Math.max(...rows.map(r => r.name.length))
  console.log()
  for (const r of rows)
    console.log(
      `${r.name.padEnd(wide)}  ${r.seconds.toFixed(1).padStart(7)} s  ${r.ok ? 'ok    ' : 'failed'}  ${r.note}`,
    )
  if (failed.size === 0) return 0
  const log = join(tmpdir(), '9front-console.txt')
  writeFileSync(log, transcript)
  console.log(`the console's text: ${log}`)
  return 1
}
