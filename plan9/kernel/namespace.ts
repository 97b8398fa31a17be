import { concat } from '../9p/bit.ts'
import { OCEXEC, ORDWR, OREAD, OWRITE } from '../9p/const.ts'
import { PlanError } from '../error.ts'
import { MAFTER, MBEFORE, MCACHE, MCREATE, MREPL, RFCNAMEG, RFENVG, type Sys } from './sys.ts'

/**
 * namespace(6): files of commands that build a name space, and newns and addns of auth(2), which obey them.
 */

/** One line: a command, its flags' letters, its arguments, variables not expanded yet. */
interface Nsop {
  cmd: string
  flags: string
  args: string[]
}

/** What newns tells of a line that did not work; such a line is passed over. */
export type Nsdebug = (line: string, err: string) => void

/** The words of a line, between blanks outside quotes; their quotes still in them. */
function words(line: string): string[] {
  return line.match(/(?:'(?:[^']|'')*'?|[^ \t\r'])+/g) ?? []
}

/** @returns undefined for blank lines and comments */
export function parsens(line: string): Nsop | undefined {
  const w = words(line.replace(/\n$/, ''))
  const cmd = w[0]
  if (cmd === undefined || cmd.startsWith('#')) return undefined
  let i = 1
  let flags = ''
  for (; i < w.length && /^-./.test(w[i]!); i++) {
    if (w[i] === '--') {
      i++
      break
    }
    flags += w[i]!.slice(1)
  }
  return { cmd, flags, args: w.slice(i) }
}

/** Replaces $name outside quotes by the variable's value, of a list the first element; then takes the quotes off. */
async function expandarg(sys: Sys, arg: string): Promise<string> {
  let out = ''
  for (let i = 0; i < arg.length; ) {
    const ch = arg[i]!
    if (ch === "'") {
      for (i++; i < arg.length; i++) {
        if (arg[i] !== "'") out += arg[i]
        else if (arg[i + 1] === "'") out += arg[i++]
        else break
      }
      i++
    } else if (ch === '$') {
      const name = /^[^/.!'$]*/.exec(arg.slice(i + 1))![0]
      out += name === '' ? '' : await getenv(sys, name)
      i += 1 + name.length
    } else {
      out += ch
      i++
    }
  }
  return out
}

async function getenv(sys: Sys, name: string): Promise<string> {
  try {
    const text = new TextDecoder().decode(await readfile(sys, `#e/${name}`))
    const nul = text.indexOf('\0')
    return nul < 0 ? text : text.slice(0, nul)
  } catch (e) {
    if (e instanceof PlanError) return ''
    throw e
  }
}

async function setenv(sys: Sys, name: string, value: string): Promise<void> {
  const fd = await sys.create(`#e/${name}`, OWRITE | OCEXEC, 0o664)
  await sys.write(fd, value)
  await sys.close(fd)
}

export async function readfile(sys: Sys, name: string): Promise<Uint8Array> {
  const fd = await sys.open(name, OREAD | OCEXEC)
  try {
    const parts: Uint8Array[] = []
    for (;;) {
      const b = await sys.read(fd, 8192)
      if (b.length === 0) break
      parts.push(b)
    }
    return concat(parts)
  } finally {
    await sys.close(fd)
  }
}

const letters: Record<string, number> = { a: MAFTER, b: MBEFORE, c: MCREATE, C: MCACHE }

/** How deep files may name each other with `.`: beyond that they do so in a circle. */
const NESTING = 16

class Builder {
  private readonly sys: Sys
  private readonly debug: Nsdebug
  /** #c/drivers of the name space before, for chdev. */
  private readonly dfd: number
  /** A cd to a full name has worked. */
  cdroot = false

  constructor(sys: Sys, dfd: number, debug: Nsdebug) {
    this.sys = sys
    this.dfd = dfd
    this.debug = debug
  }

  async nsfile(text: string, depth = 0): Promise<void> {
    for (const line of text.split('\n')) {
      const op = parsens(line)
      if (!op) continue
      try {
        const args = await Promise.all(op.args.map(a => expandarg(this.sys, a)))
        await this.nsop(op.cmd, op.flags, args, depth)
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
        this.debug(line, e.message)
      }
    }
  }

  private async nsop(cmd: string, flags: string, args: string[], depth: number): Promise<void> {
    const { sys } = this
    const [a, b, spec] = args
    let flag = MREPL
    for (const ch of flags) flag |= letters[ch] ?? 0
    if (cmd === '.' && args.length === 1) {
      if (depth < NESTING) await this.nsfile(new TextDecoder().decode(await readfile(sys, a!)), depth + 1)
    } else if (cmd === 'clear' && args.length === 0) await sys.rfork(RFCNAMEG)
    else if (cmd === 'bind' && args.length === 2) await sys.bind(a!, b!, flag)
    else if (cmd === 'unmount' && args.length === 1) await sys.unmount(undefined, a!)
    else if (cmd === 'unmount' && args.length === 2) await sys.unmount(a, b!)
    else if (cmd === 'mount' && (args.length === 2 || args.length === 3)) {
      const fd = await sys.open(a!, ORDWR)
      try {
        await sys.mount(fd, -1, b!, flag, spec ?? '')
      } catch (e) {
        if (e instanceof PlanError) await sys.close(fd)
        throw e
      }
    } else if (cmd === 'cd' && args.length === 1) {
      await sys.chdir(a!)
      if (a!.startsWith('/')) this.cdroot = true
    } else if (cmd === 'chdev') {
      const op = flags.includes('n') ? '~' : flags.includes('r') ? '&~' : '&'
      if (op === '~' && args.length === 0) await sys.write(this.dfd, 'chdev ~')
      else if (args.length === 1) await sys.write(this.dfd, `chdev ${op} ${a}`)
    } else throw new PlanError('unknown name space operation')
  }
}

async function buildns(sys: Sys, text: string, user: string | undefined, debug: Nsdebug): Promise<void> {
  const dfd = await sys.open('#c/drivers', OWRITE | OCEXEC).catch(e => {
    if (e instanceof PlanError) return -1
    throw e
  })
  if (user !== undefined) {
    await sys.rfork(RFENVG | RFCNAMEG)
    await setenv(sys, 'user', user)
    await setenv(sys, 'home', `/usr/${user}`)
  }
  const b = new Builder(sys, dfd, debug)
  await b.nsfile(text)
  if (dfd >= 0) await sys.close(dfd)
  if (user !== undefined && !b.cdroot) await sys.chdir('/')
}

/**
 * Builds user's name space from scratch, as the file says (default /lib/namespace, read before the old one goes).
 * Lines that fail are passed over, and told to debug.
 *
 * @throws PlanError the file cannot be read
 */
export async function newns(sys: Sys, user: string, file = '/lib/namespace', debug: Nsdebug = () => {}): Promise<void> {
  await buildns(sys, new TextDecoder().decode(await readfile(sys, file)), user, debug)
}

/** newns with the text of the file at hand. */
export async function newnstext(sys: Sys, user: string, text: string, debug: Nsdebug = () => {}): Promise<void> {
  await buildns(sys, text, user, debug)
}

/** Obeys the file in the name space that is there. */
export async function addns(sys: Sys, file: string, debug: Nsdebug = () => {}): Promise<void> {
  await buildns(sys, new TextDecoder().decode(await readfile(sys, file)), undefined, debug)
}
