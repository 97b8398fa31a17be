import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Tokenizer } from '../../llmfs/engine/tokenizer.ts'
import { goldens } from '../llm/models.ts'

const top = join(import.meta.dirname, '..', '..')

// The command as typed builds what has changed. Once is enough; what it has built is what runs.
const made = spawnSync(process.execPath, [join(top, 'shell', 'node', '9ml.mjs'), '-c', 'echo built'], {
  encoding: 'utf8',
})
if (made.stdout !== 'built\n') throw new Error(`9ml.mjs: ${made.stdout}${made.stderr}`)
export const command = join(top, 'dist', '9ml.js')

export interface Ended {
  /** The exit status; null when a signal ended it. */
  code: number | null
  out: string
  err: string
  bytes: Buffer
}

export interface Options {
  stdin?: string | Uint8Array
  cwd?: string
  /** Whom it runs as; only root may choose. */
  uid?: number
  /** Beside the environment that there is. */
  env?: Record<string, string>
  /** What a file may have at most, as the shell's ulimit -f counts. */
  limit?: number
}

/** 9ml as a child process, which ends with the test. */
export class Child {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  private readonly out: Buffer[] = []
  private readonly err: Buffer[] = []
  private wake: (() => void) | undefined

  constructor(args: string[], o: Options = {}) {
    const limited = o.limit === undefined ? [] : ['sh', '-c', `ulimit -f ${o.limit}; exec "$@"`, 'sh']
    const [program, ...argv] = [...limited, process.execPath, command, ...args]
    const child = spawn(program!, argv, {
      cwd: o.cwd,
      ...(o.env && { env: { ...process.env, ...o.env } }),
      stdio: 'pipe',
      ...(o.uid !== undefined && { uid: o.uid }),
    })
    this.child = child
    child.stdout.on('data', b => this.take(this.out, b))
    child.stderr.on('data', b => this.take(this.err, b))
    // It may end before it has read all.
    child.stdin.on('error', () => {})
    if (o.stdin !== undefined) child.stdin.end(o.stdin)
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', code => {
        const bytes = Buffer.concat(this.out)
        resolve({ code, bytes, out: bytes.toString(), err: Buffer.concat(this.err).toString() })
      })
    })
    onTestFinished(() => void child.kill('SIGKILL'))
  }

  private take(to: Buffer[], b: Buffer): void {
    to.push(b)
    this.wake?.()
  }

  type(text: string): void {
    this.child.stdin!.write(text)
  }

  /** Resolves when standard output contains `text`. */
  async says(text: string): Promise<void> {
    let over = false
    void this.ended.then(() => {
      over = true
      this.wake?.()
    })
    while (!Buffer.concat(this.out).includes(text)) {
      if (over)
        throw new Error(`9ml ended without ${JSON.stringify(text)}: ${Buffer.concat([...this.out, ...this.err])}`)
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
  }
}

/** A user who may not open everything: another one for root, where that one can reach the command; undefined if not. */
export function plainUser(): { uid?: number } | undefined {
  if (process.getuid?.() !== 0) return {}
  for (let dir = command; dir !== dirname(dir); dir = dirname(dir)) if (!(statSync(dir).mode & 0o005)) return undefined
  return { uid: 65534 }
}

/** Runs 9ml to its end. Standard input is empty unless told. */
export function ml(args: string[], o: Options = {}): Promise<Ended> {
  return new Child(args, { stdin: '', ...o }).ended
}

/** `9ml -c commands`. */
export const rc = (commands: string, o?: Options): Promise<Ended> => ml(['-c', commands], o)

/** A directory of the host's that goes away with the test, and its path inside. */
export async function hostDir(): Promise<{ host: string; inside: string }> {
  const host = await mkdtemp(join(tmpdir(), '9ml-'))
  onTestFinished(() => rm(host, { recursive: true, force: true }))
  return { host, inside: `/n/host${host}` }
}

/** A TCP port that was free just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const at = server.address()
      server.close(() => (typeof at === 'object' && at ? resolve(at.port) : reject(new Error('no port'))))
    })
  })
}

/** The greedy text that llama2.c makes of a prompt in `steps` steps, of the embedded model. */
export function story(prompt: string, steps: number): string {
  const found = goldens('stories.json').find(r => r.prompt === prompt)
  if (!found) throw new Error(`no golden text for ${prompt}`)
  const tokenizer = new Tokenizer(readFileSync(join(top, 'plan9', 'root', 'lib', 'llm', 'tokenizer.bin')), 1024)
  const ids = found.ids.slice(0, steps + 1)
  return Buffer.concat(ids.slice(1).map((id, i) => tokenizer.decode(ids[i]!, id))).toString()
}

/** The session of the first issue. */
export const session = `llmfs -s llm
mount /srv/llm /mnt/llm
echo 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin' > /mnt/llm/ctl
cat /mnt/llm/model
session=\`{cat /mnt/llm/clone}
echo 'temp 0.0' > /mnt/llm/$session/ctl
echo 'steps 50' > /mnt/llm/$session/ctl
echo 'Once upon a time' > /mnt/llm/$session/prompt
echo generate > /mnt/llm/$session/ctl
cat /mnt/llm/$session/stream
cat /mnt/llm/$session/output
cat /mnt/llm/$session/status
run /lib/llm/stories.bin -z /lib/llm/tokenizer.bin -t 0 -n 50 -i 'Once upon a time'
`
