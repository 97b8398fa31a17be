import { ORDWR, OREAD } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout, readfile } from '../../plan9/libc/bio.ts'
import { AEXIST, access, dirreadall } from '../../plan9/libc/dirread.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { text } from '../../plan9/libc/rune.ts'
import { attempt, r, sysfatal } from '../../plan9/libc/sysfatal.ts'

/** ip(3), as a directory that it is mounted on shows it. */
class Net {
  readonly #sys: Sys
  readonly #root: string
  readonly #translate: boolean

  constructor(sys: Sys, root: string, translate: boolean) {
    this.#sys = sys
    this.#root = root
    this.#translate = translate
  }

  /** @throws PlanError */
  async dir(name: string): Promise<Dir[]> {
    const fd = await this.#sys.open(name, OREAD)
    const all = await dirreadall(this.#sys, fd)
    await this.#sys.close(fd)
    return all
  }

  /** @throws PlanError */
  async protos(): Promise<string[]> {
    const found: string[] = []
    for (const { name } of await this.dir(this.#root))
      if (name !== 'ipifc' && (await access(this.#sys, `${this.#root}/${name}/0/local`, AEXIST))) found.push(name)
    return found
  }

  /** csgetvalue of ndb(2): what the connection server knows as rattr of whom attr is val of. */
  async #csgetvalue(attr: string, val: string, rattr: string): Promise<string | undefined> {
    if (!this.#translate || val === '') return undefined
    const fd = await attempt(this.#sys.open(`${this.#root}/cs`, ORDWR))
    if (fd === undefined) return undefined
    const ask = async () => {
      await this.#sys.write(fd, `!${attr}=${val} ${rattr}=*`)
      await this.#sys.seek(fd, 0, 0)
      for (;;) {
        const b = await this.#sys.read(fd, 1024)
        if (b.length === 0) return undefined
        const pair = text(b)
          .split(/\s+/)
          .find(p => p.startsWith(`${rattr}=`))
        if (pair !== undefined) return pair.slice(rattr.length + 1)
      }
    }
    const found = await attempt(ask())
    await this.#sys.close(fd)
    return found
  }

  async #port(net: string, port: string): Promise<string> {
    return (await this.#csgetvalue('port', port, net)) ?? port
  }

  /** The line of a conversation, as much of it as can be read; undefined for what is none. */
  async #conversation(net: string, d: Dir): Promise<string | undefined> {
    if (d.name === 'clone' || d.name === 'stats') return undefined
    const get = async (file: string) => {
      const b = await attempt(readfile(this.#sys, `${this.#root}/${net}/${d.name}/${file}`))
      return b === undefined ? undefined : text(b).replace(/\n$/, '')
    }
    const status = await get('status')
    if (status === undefined) return undefined
    const state = status.split(/[ \n]/, 1)[0]!
    let line = `${net.padEnd(4)} ${d.name.padEnd(4)} ${d.uid.padEnd(10)} ${state.padEnd(12)} `
    const local = (await get('local'))?.split('!')
    if (local?.[1] === undefined) return line
    line += `${(await this.#port(net, local[1])).padEnd(10)} `
    const remote = (await get('remote'))?.split('!')
    if (remote === undefined) return line
    const [addr, port] = remote
    const name = (await this.#csgetvalue('ip', addr!, 'dom')) ?? addr
    return `${line}${(await this.#port(net, port ?? '')).padEnd(10)} ${name}`
  }

  async conversations(net: string, out: Bout): Promise<void> {
    for (const d of (await attempt(this.dir(`${this.#root}/${net}`))) ?? []) {
      const line = await this.#conversation(net, d)
      if (line !== undefined) await out.write(`${line}\n`)
    }
  }

  /** A line for each address of each interface that has a device. */
  async interfaces(out: Bout): Promise<void> {
    const rows: string[][] = []
    for (const { name } of (await attempt(this.dir(`${this.#root}/ipifc`))) ?? []) {
      const b = /^[0-9]/.test(name) && (await attempt(readfile(this.#sys, `${this.#root}/ipifc/${name}/status`)))
      if (!b) continue
      const [first, ...lines] = text(b).split('\n')
      if (!/^device \S/.test(first!)) continue
      const f = first!.trim().split(/\s+/)
      const field = (name: string) => f[f.indexOf(name) + 1] ?? ''
      const count = (name: string) => (f.includes(name) ? String(atoi(field(name))) : '0')
      for (const line of lines) {
        const [ip, mask, net, valid, preferred] = line.trim().split(/\s+/)
        if (preferred === undefined || valid === undefined) break
        rows.push([
          field('device'),
          count('maxtu'),
          ip!,
          mask!,
          net!,
          ...['pktin', 'pktout', 'errin', 'errout'].map(count),
        ])
      }
    }
    const l = Math.max(7, ...rows.flatMap(f => [f[2]!.length, f[4]!.length]))
    for (const [dev, mtu, ip, mask, net, ...counts] of rows) {
      const addrs = `${ip!.padEnd(l)} ${mask!.padStart(5)} ${net!.padEnd(l)}`
      await out.write(`${dev!.padEnd(12)} ${mtu!.padStart(5)} ${addrs} ${counts.map(n => n.padStart(8)).join(' ')}\n`)
    }
  }
}

const netstat: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-in] [-p proto] [network-dir]`
  let justinterfaces = false
  let translate = true
  const protos: string[] = []
  for (const c of arg)
    if (c === 'i') justinterfaces = true
    else if (c === 'n') translate = false
    else if (c === 'p') protos.push(arg.argf() ?? (await usage(sys, help)))
    else await usage(sys, help)
  if (arg.argv.length > 1) await usage(sys, help)
  const root = arg.argv[0] ?? '/net'
  const net = new Net(sys, root, translate)
  const out = new Bout(sys, 1)
  if (justinterfaces) await net.interfaces(out)
  else {
    let nets: string[]
    try {
      nets = protos.length > 0 ? protos : await net.protos()
    } catch (e) {
      return sysfatal(sys, arg.argv0, `open ${root}: ${r(e)}`)
    }
    for (const name of nets) await net.conversations(name, out)
  }
  await out.flush()
  return ''
}
export default netstat
