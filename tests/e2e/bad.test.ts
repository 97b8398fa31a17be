import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, type Fid } from '../../plan9/9p/client.ts'
import * as c from '../../plan9/9p/const.ts'
import { convM2S, convS2M } from '../../plan9/9p/fcall.ts'
import { dial } from '../../shell/node/tcp.ts'
import { Child, freePort, hostDir, rc, story } from './ml.ts'

/** Bad input, each kind with the error that it gets, and that all goes on. */

const lib = join(import.meta.dirname, '..', '..', 'plan9', 'root', 'lib', 'llm')
const read = (name: string) => new Uint8Array(readFileSync(join(lib, name)))

/** The embedded checkpoint with a number of its header, of 4 bytes each, changed. */
function header(field: number, value: number): Uint8Array {
  const file = read('stories.bin')
  new DataView(file.buffer).setInt32(4 * field, value, true)
  return file
}

describe('a checkpoint', () => {
  const stories = read('stories.bin')
  const quantized = read('stories_q80.bin')
  const magic = quantized.slice()
  magic[0]! ^= 1
  const version = quantized.slice()
  version[4] = 9

  const absurd = 'not a llama2.c checkpoint: absurd sizes'
  test.each<[string, Uint8Array, string]>([
    ['empty', new Uint8Array(0), 'file truncated: 0 of at least 28 bytes'],
    ['cut short in its header', stories.slice(0, 20), 'file truncated: 20 of at least 28 bytes'],
    ['cut short', stories.slice(0, -1000), 'file truncated: 2907700 of 2908700 bytes'],
    ['quantized, cut short', quantized.slice(0, -1), 'file truncated: 770815 of 770816 bytes'],
    ['too long', new Uint8Array([...stories, 0]), 'file too long: 2908701 bytes, not 2908700'],
    ['of the wrong magic', magic, 'not a llama2.c checkpoint: absurd sizes: dim '],
    ['of a later version', version, 'bad version 9'],
    ['that is none', read('README.md'), absurd],
    ['of 2147483647 dimensions', header(0, 0x7fffffff), `${absurd}: dim 2147483647`],
    ['of -1 dimensions', header(0, -1), `${absurd}: dim -1`],
    ['of 0 layers', header(2, 0), `${absurd}: n_layers 0`],
    ['of 2147483647 layers', header(2, 0x7fffffff), `${absurd}: n_layers 2147483647`],
    ['of 3 heads', header(3, 3), `${absurd}: dim 128 in 3 heads`],
    ['of a context of 2147483647', header(6, 0x7fffffff), `${absurd}: seq_len 2147483647`],
  ])('%s', async (_, file, error) => {
    const { host, inside } = await hostDir()
    writeFileSync(join(host, 'bad.bin'), file)
    const { out, err } = await rc(
      `llmfs -m /mnt/llm
echo 'load ${inside}/bad.bin /lib/llm/tokenizer.bin' > /mnt/llm/ctl
cat /mnt/llm/model
run bad.bin -z /lib/llm/tokenizer.bin -n 5
echo 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin' > /mnt/llm/ctl && grep params /mnt/llm/model`,
      { cwd: host },
    )
    const [write, model, run, ...more] = err.split('\n')
    expect(write).toContain(`echo: write error: ${inside}/bad.bin: ${error}`)
    expect(model).toBe('cat: error reading /mnt/llm/model: model not loaded')
    expect(run).toContain(`bad.bin: ${error}`)
    expect(more).toEqual([''])
    expect(out).toBe('params 722048\n')
  })

  test('a model that is loaded stays when another cannot be', async () => {
    const { out, err } = await rc(`llmfs -m /mnt/llm
load='/lib/llm/stories.bin /lib/llm/tokenizer.bin'
echo load $load > /mnt/llm/ctl
echo load /lib/llm/README.md /lib/llm/tokenizer.bin > /mnt/llm/ctl
grep params /mnt/llm/model
s=\`{cat /mnt/llm/clone}; cd /mnt/llm/$s
echo temp 0 > ctl; echo steps 50 > ctl; echo Once upon a time > prompt; echo generate > ctl; cat stream`)
    expect(err).toMatch(/^echo: write error: \/lib\/llm\/README.md: .*\n$/)
    expect(out).toBe(`params 722048\n${story('Once upon a time', 50)}`)
  })
})

describe('a tokenizer', () => {
  const tokenizer = read('tokenizer.bin')
  test.each<[string, Uint8Array, string]>([
    ['of another vocabulary, smaller', tokenizer.slice(0, 4 + 259 * 9), 'tokenizer '],
    [
      'of another vocabulary, larger',
      new Uint8Array([...tokenizer, 0, 0, 0, 0, 1, 0, 0, 0, 65]),
      'tokenizer has more tokens than',
    ],
    ['cut short', tokenizer.slice(0, 5000), 'tokenizer truncated'],
    ['that is none', read('stories_q80.bin'), 'not a tokenizer: '],
    ['empty', new Uint8Array(0), 'tokenizer truncated'],
  ])('%s', async (_, file, error) => {
    const { host, inside } = await hostDir()
    writeFileSync(join(host, 'tok'), file)
    const { out, err } = await rc(`llmfs -m /mnt/llm
echo 'load /lib/llm/stories.bin ${inside}/tok' > /mnt/llm/ctl
run /lib/llm/stories.bin -z ${inside}/tok
echo 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin' > /mnt/llm/ctl && grep params /mnt/llm/model`)
    const [write, run, ...more] = err.split('\n')
    expect(write).toContain(`echo: write error: ${inside}/tok: ${error}`)
    expect(run).toContain(`${inside}/tok: ${error}`)
    expect(more).toEqual([''])
    expect(out).toBe('params 722048\n')
  })
})

describe('9P over TCP', () => {
  /** llmfs with a model, at a port; a client of it. */
  async function server() {
    const port = await freePort()
    const child = new Child([
      '-c',
      `llmfs -m /mnt/llm -a tcp!127.0.0.1!${port}
echo 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin' > /mnt/llm/ctl && echo serving
read`,
    ])
    await child.says('serving\n')
    const client = await Client.connect(await dial(`tcp!127.0.0.1!${port}`))
    return { port, root: await client.attach('glenda', '') }
  }

  /** Bytes to a server, and all that comes back. */
  class Raw {
    readonly socket: Socket
    readonly closed: Promise<void>
    private got = Buffer.alloc(0)
    private wake: (() => void) | undefined

    constructor(port: number) {
      this.socket = connect(port, '127.0.0.1')
      this.socket.on('error', () => {})
      this.closed = new Promise(resolve => {
        this.socket.on('close', () => {
          this.wake?.()
          resolve()
        })
      })
      this.socket.on('data', b => {
        this.got = Buffer.concat([this.got, b])
        this.wake?.()
      })
      onTestFinished(() => void this.socket.destroy())
    }

    /** Sends, and takes one message. */
    async rpc(...message: (Uint8Array | number[])[]) {
      for (const part of message) this.socket.write(Uint8Array.from(part))
      for (;;) {
        const size = this.got.length < 4 ? Number.POSITIVE_INFINITY : this.got.readUInt32LE()
        if (this.got.length >= size) {
          const msg = convM2S(new Uint8Array(this.got.subarray(0, size)))
          this.got = this.got.subarray(size)
          return msg
        }
        if (this.socket.closed) throw new Error('hung up')
        await new Promise<void>(resolve => {
          this.wake = resolve
        })
      }
    }

    version = () => this.rpc(convS2M({ type: c.Tversion, tag: c.NOTAG, msize: 8192, version: '9P2000' }))
    attach = (fid: number) =>
      this.rpc(convS2M({ type: c.Tattach, tag: 1, fid, afid: c.NOFID, uname: 'glenda', aname: '' }))
  }

  const text = (b: Uint8Array) => new TextDecoder().decode(b)
  const write = async (root: Fid, names: string[], data: string) => {
    const f = await (await root.walk(names)).open(c.OWRITE)
    await f.write(new TextEncoder().encode(data), 0)
    await f.clunk()
  }
  const readall = async (root: Fid, names: string[]) => {
    const f = await (await root.walk(names)).open(c.OREAD)
    const data = text(await f.readAll())
    await f.clunk()
    return data
  }

  /** What a client that behaves gets done while `bad` goes on beside it. */
  async function beside(root: Fid, bad: () => Promise<void>): Promise<void> {
    const n = (await readall(root, ['clone'])).trim()
    await write(root, [n, 'ctl'], 'temp 0')
    await write(root, [n, 'ctl'], 'steps 50')
    await write(root, [n, 'prompt'], 'Once upon a time')
    await write(root, [n, 'ctl'], 'generate')
    const [stream] = await Promise.all([readall(root, [n, 'stream']), bad()])
    expect(stream).toBe(story('Once upon a time', 50))
    expect(await readall(root, [n, 'output'])).toBe(story('Once upon a time', 50))
    expect(await readall(root, ['model'])).toContain('params 722048\n')
  }

  test.each([
    ['3 GB', [0x00, 0x00, 0x00, 0xc0]],
    ['4 GB', [0xff, 0xff, 0xff, 0xff]],
    ['6 bytes', [0x06, 0x00, 0x00, 0x00]],
    ['more than the msize agreed', [0x01, 0x20, 0x00, 0x00]],
  ])('a frame of %s ends its connection, and no other', async (_, size) => {
    const { port, root } = await server()
    await beside(root, async () => {
      const first = new Raw(port)
      first.socket.write(Uint8Array.from(size))
      if (size[1] !== 0x20) await first.closed
      const second = new Raw(port)
      expect(await second.version()).toMatchObject({ type: c.Rversion, msize: 8192 })
      expect(await second.attach(0)).toMatchObject({ type: c.Rattach })
      second.socket.write(Uint8Array.from([...size, c.Tread, 1, 0]))
      if (size[1] === 0x20) second.socket.write(new Uint8Array(0x2001 - 7))
      await second.closed
    })
  })

  test('a walk of 17 names ends its connection, and no other', async () => {
    const { port, root } = await server()
    await beside(root, async () => {
      const raw = new Raw(port)
      await raw.version()
      await raw.attach(0)
      const names = (n: number) => Array.from({ length: n }, () => [2, 0, 0x2e, 0x2e]).flat()
      const walk = (n: number) => [17 + 4 * n, 0, 0, 0, c.Twalk, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, n, 0, ...names(n)]
      expect(await raw.rpc(walk(16))).toMatchObject({ type: c.Rwalk, tag: 2 })
      raw.socket.write(Uint8Array.from(walk(17)))
      await raw.closed
    })
  })

  test('a read at 2^63 and beyond is an error, and the connection goes on', async () => {
    const { port, root } = await server()
    await beside(root, async () => {
      const raw = new Raw(port)
      await raw.version()
      await raw.attach(0)
      await raw.rpc(convS2M({ type: c.Twalk, tag: 1, fid: 0, newfid: 1, wname: ['model'] }))
      await raw.rpc(convS2M({ type: c.Topen, tag: 1, fid: 1, mode: c.OREAD }))
      const at = (offset: bigint) => raw.rpc(convS2M({ type: c.Tread, tag: 7, fid: 1, offset, count: 100 }))
      for (const offset of [1n << 63n, (1n << 64n) - 1n])
        expect(await at(offset)).toEqual({ type: c.Rerror, tag: 7, ename: 'negative i/o offset' })
      expect(await at((1n << 63n) - 1n)).toEqual({ type: c.Rerror, tag: 7, ename: 'bad offset' })
      expect(await at((1n << 53n) - 1n)).toMatchObject({ type: c.Rread, data: new Uint8Array(0) })
      expect(await at(0n)).toMatchObject({ type: c.Rread, tag: 7 })
    })
  })
})

describe('rc', () => {
  test('mount of a name that is not in /srv', async () => {
    const { out, err, code } = await rc('mount /srv/nosuch /n/temp; echo $status; ls /n/temp; echo still here')
    expect(err).toBe("mount: can't open /srv/nosuch: file does not exist: '/srv/nosuch'\n")
    expect(out).toMatch(/^mount \d+: open\nstill here\n$/)
    expect(code).toBe(0)
  })

  test('an unknown command', async () => {
    const { out, err, code } = await rc('nosuch -x y; echo $status; nosuch | wc -l; echo still here')
    expect(err).toContain("nosuch: file does not exist: './nosuch'\n")
    expect(out).toMatch(/^rc \d+: file does not exist: '\.\/nosuch'\n +0\nstill here\n$/)
    expect(code).toBe(0)
  })

  test('a function that forks without end', async () => {
    const { out, err, code } = await rc('@{fn f {f | f}; f}; echo still here')
    expect(err).toContain('try again: no procs\n')
    expect(out).toBe('still here\n')
    expect(code).toBe(0)
  })

  // As 9front's rc has it: the text ends with the input, and that is no error.
  test('a here document without its end', async () => {
    const { out, err, code } = await rc('x=1; cat <<EOF\nfirst $x\nsecond')
    expect(err).toBe('')
    expect(out).toBe('first 1\nsecond\n')
    expect(code).toBe(0)
    const again = await rc("rc -c 'cat <<EOF\nfirst'; rc -c 'cat <<'; echo $status; echo still here")
    expect(again.err).toContain('syntax error')
    expect(again.out).toMatch(/^first\nrc \d+: .*\nstill here\n$/)
  })
})
