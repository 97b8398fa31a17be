import { once } from 'node:events'
import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { errstr, PlanError } from '../../plan9/error.ts'
import { reading } from './front.ts'
import type { Qmp } from './qmp.ts'
import type { Folder, Known } from './state.ts'

/** A vm in a file: a line that tells its parts, in JSON, then its memory and devices as QEMU gives them, compressed. */

/** Of the line at most. */
const MAXHEAD = 64 * 1024
const TICK = 50

const sleep = (ms: number) => new Promise(wake => setTimeout(wake, ms))

/** What a vm's state goes through, to a file and from it. */
export const channel = (f: Folder): string => join(f.dir, 'state.sock')

/** Writes a vm that stands still. @throws PlanError */
export async function keep(f: Folder, vm: Known, qmp: Qmp, file: string): Promise<void> {
  const part = `${file}.part`
  const server = createServer({ allowHalfOpen: true })
  const connection = new Promise<Socket>((resolve, reject) => {
    server.once('connection', resolve)
    server.once('error', reject)
  })
  connection.catch(() => {})
  try {
    const out = createWriteStream(part, { mode: 0o600 })
    await new Promise<void>((resolve, reject) => {
      out.once('error', reject)
      out.write(`${JSON.stringify(vm)}\n`, e => (e ? reject(e) : resolve()))
    })
    await new Promise<void>(resolve => server.listen(channel(f), resolve))
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 })
    await qmp.execute('migrate', { uri: `unix:${channel(f)}` })
    const written = pipeline(await connection, createGzip({ level: 1 }), out)
    written.catch(() => {})
    for (;;) {
      const { status, ...m } = (await qmp.execute('query-migrate')) as { status: string; 'error-desc'?: string }
      if (status === 'completed') break
      if (status === 'failed' || status === 'cancelled') throw new PlanError(m['error-desc'] ?? `migration ${status}`)
      await sleep(TICK)
    }
    await written
    renameSync(part, file)
  } catch (e) {
    rmSync(part, { force: true })
    throw e instanceof PlanError ? e : new PlanError(errstr(e))
  } finally {
    server.close()
  }
}

/** The parts of a vm in a file, and where its state begins. @throws PlanError */
export function head(file: string): Promise<{ vm: Known; at: number }> {
  return reading(file, async h => {
    const { buffer, bytesRead } = await h.read(Buffer.alloc(MAXHEAD), 0, MAXHEAD, 0)
    const at = buffer.subarray(0, bytesRead).indexOf(10) + 1
    try {
      const vm = JSON.parse(buffer.toString('utf8', 0, at)) as Known
      if (typeof vm.machine === 'string' && typeof vm.memory === 'number' && Array.isArray(vm.ports)) return { vm, at }
    } catch {
      // It is something else.
    }
    throw new PlanError(`${file} is not a saved vm`)
  })
}

/** Gives a QEMU that waits for it the state in a file. @throws PlanError */
export async function restore(f: Folder, qmp: Qmp, file: string, at: number): Promise<void> {
  const socket = connect(channel(f))
  await once(socket, 'connect').catch(e => {
    throw new PlanError(e.message)
  })
  try {
    await pipeline(createReadStream(file, { start: at }) as Readable, createGunzip(), socket)
  } catch (e) {
    socket.destroy()
    // QEMU hangs up at the end of the state, which may be before the end of the file: whether it took it, it is asked.
    if (!hungUp(e)) throw new PlanError(`${file}: ${e instanceof Error ? e.message : errstr(e)}`)
  }
  for (;;) {
    const { status } = (await qmp.execute('query-status')) as { status: string }
    if (status !== 'inmigrate') break
    await sleep(TICK)
  }
  await qmp.execute('cont')
}

const hungUp = (e: unknown) =>
  e instanceof Error && 'code' in e && ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(String(e.code))
