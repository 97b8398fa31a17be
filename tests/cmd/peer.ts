import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { World } from './world.ts'

/** Plan 9's commands as Debian has them: they say what ours are to print. */
export const bin = '/usr/lib/plan9/bin'

if (!existsSync(join(bin, 'grep')))
  throw new Error(`${bin} is not there: these tests compare with Plan 9's commands, Debian's package 9base`)

export interface Out {
  /** Bytes, as Latin-1. */
  stdout: string
  failed: boolean
}

/** The same files for our commands, in /w, and for 9base's, in a directory of the host's that goes away with the tests. */
export class Peer {
  readonly dir = mkdtempSync(join(tmpdir(), '9base-'))
  readonly world: World

  constructor(files: Record<string, string | Uint8Array>) {
    for (const [name, data] of Object.entries(files)) {
      mkdirSync(dirname(join(this.dir, name)), { recursive: true })
      writeFileSync(join(this.dir, name), data)
    }
    this.world = new World(Object.fromEntries(Object.entries(files).map(([n, d]) => [`/w/${n}`, d])))
    this.world.tree.mkdir('/w')
    afterAll(() => rmSync(this.dir, { recursive: true, force: true }))
  }

  theirs(cmd: string[], stdin: string | Uint8Array = '', cwd = this.dir): Out {
    const r = spawnSync(join(bin, cmd[0]!), cmd.slice(1), {
      cwd,
      input: stdin,
      timeout: 10_000,
      env: { PATH: bin, PLAN9: '/usr/lib/plan9' },
    })
    // What a command does not read is no error.
    if (r.error && !('code' in r.error && r.error.code === 'EPIPE')) throw r.error
    return { stdout: r.stdout.toString('latin1'), failed: r.status !== 0 }
  }

  async ours(cmd: string[], stdin: string | Uint8Array = ''): Promise<Out> {
    const r = await this.world.run(cmd, stdin, '/w')
    return { stdout: Buffer.from(r.bytes).toString('latin1'), failed: r.status !== '' }
  }
}

/** A command as one would type it, about. */
export const show = (cmd: string[]): string =>
  cmd.map(a => (/^[-+\w./:%|]+$/.test(a) ? a : JSON.stringify(a))).join(' ')
