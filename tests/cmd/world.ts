import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { Kernel } from '../../plan9/kernel/kernel.ts'
import { type Program, RFFDG, RFPROC } from '../../plan9/kernel/sys.ts'
import { programs } from '../../shell/programs.ts'

export interface Result {
  /** The exit string as its parent sees it: without the name and pid of the process. */
  status: string
  stdout: string
  stderr: string
  bytes: Uint8Array
}

/** `_pipe [["seq","9"],["wc"]]`: a pipeline; its status is the last one's. */
const pipeline: Program = async (sys, argv) => {
  const cmds = JSON.parse(argv[1]!) as string[][]
  for (const cmd of cmds.slice(0, -1)) {
    const [rd, wr] = await sys.pipe()
    await sys.rfork(RFPROC | RFFDG, async child => {
      await child.dup(wr, 1)
      await child.close(rd)
      await child.close(wr)
      return child.exec(`/bin/${cmd[0]}`, cmd)
    })
    await sys.dup(rd, 0)
    await sys.close(rd)
    await sys.close(wr)
  }
  const last = cmds[cmds.length - 1]!
  return sys.exec(`/bin/${last[0]}`, last)
}

/** `_seq [["ramfs","-m","/n"],["ls","/n"]]`: one command after another, in one name space; stops at the first that fails. */
const sequence: Program = async (sys, argv) => {
  for (const cmd of JSON.parse(argv[1]!) as string[][]) {
    await sys.rfork(RFPROC | RFFDG, child => child.exec(`/bin/${cmd[0]}`, cmd))
    const w = await sys.wait()
    if (w.msg !== '') return w.msg.replace(/^.*?: /, '')
  }
  return ''
}

const encoder = new TextEncoder()

/** A kernel with the commands, on a root of memory: what the tests of the commands run in. */
export class World {
  readonly tree = new Tree('glenda')
  readonly kernel: Kernel
  #n = 0

  constructor(files: Record<string, string | Uint8Array> = {}, more: Record<string, Program> = {}) {
    const table = {
      ...programs,
      _pipe: () => Promise.resolve({ default: pipeline }),
      _seq: () => Promise.resolve({ default: sequence }),
      ...Object.fromEntries(Object.entries(more).map(([k, p]) => [k, () => Promise.resolve({ default: p })])),
    }
    for (const d of ['/bin', '/dev', '/env', '/proc', '/srv', '/fd', '/n', '/mnt', '/tmp', '/root', '/rc/bin', '/io'])
      this.tree.mkdir(d)
    for (const name of Object.keys(table)) this.tree.add(`/js/bin/${name}`, `#!js ${name}\n`, 0o775)
    for (const [name, content] of Object.entries(files)) this.tree.add(name, content)
    const [ours, theirs] = pipeTransport()
    serve(theirs, ramfs(this.tree))
    this.kernel = new Kernel({
      programs: table,
      root: ours,
      cons: [{ read: async () => new Uint8Array(0), write: () => undefined }],
      user: 'glenda',
    })
  }

  /** Starts a command with files as its standard input, output and error. */
  async start(argv: string[], stdin: string | Uint8Array = '', dir = '/tmp') {
    const n = this.#n++
    const [i, o, e] = [`/io/in${n}`, `/io/out${n}`, `/io/err${n}`]
    this.tree.add(i, typeof stdin === 'string' ? encoder.encode(stdin) : stdin)
    this.tree.add(o, '')
    this.tree.add(e, '')
    const { pid, exited } = await this.kernel.start({ argv, cons: 0, dir, fds: [i, o, e] })
    const result = exited.then(async status => {
      const bytes = this.bytes(o)
      return {
        status,
        bytes,
        stdout: new TextDecoder().decode(bytes),
        stderr: new TextDecoder().decode(this.bytes(e)),
      }
    })
    return { pid, result, out: o }
  }

  async run(argv: string[], stdin?: string | Uint8Array, dir?: string): Promise<Result> {
    return (await this.start(argv, stdin, dir)).result
  }

  pipe(cmds: string[][], stdin?: string | Uint8Array): Promise<Result> {
    return this.run(['_pipe', JSON.stringify(cmds)], stdin)
  }

  seq(cmds: string[][], stdin?: string | Uint8Array): Promise<Result> {
    return this.run(['_seq', JSON.stringify(cmds)], stdin)
  }

  /** A file's bytes, as they are in the root's tree. */
  bytes(name: string): Uint8Array {
    const f = this.tree.lookup(name)
    if (f === undefined) throw new Error(`no ${name} in the tree`)
    return f.data.slice(0, f.length)
  }

  text(name: string): string {
    return new TextDecoder().decode(this.bytes(name))
  }
}
