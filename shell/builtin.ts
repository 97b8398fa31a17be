import { DMDIR, OREAD } from '../plan9/9p/const.ts'
import { PlanError } from '../plan9/error.ts'
import { RFCENVG, RFCFDG, RFCNAMEG, RFENVG, RFFDG, RFNAMEG, RFNOMNT, RFNOTEG } from '../plan9/kernel/sys.ts'
import { dirstat } from '../plan9/libc/dirread.ts'
import type { Rc, Source } from './eval.ts'
import { makepath } from './glob.ts'
import { Lexer, quote } from './lex.ts'
import { mapfd, type Redir } from './redir.ts'
import { fntext } from './var.ts'

/** A command that rc does itself. argv[0] is its name; `f` has LAST when rc ends after it. */
export type Builtin = (rc: Rc, argv: string[], f: number) => Promise<void> | undefined

export const builtins: Record<string, Builtin> = {
  cd,
  whatis,
  eval: evaluate,
  exec,
  exit,
  shift,
  wait,
  '.': dot,
  flag,
  finit,
  rfork,
  newpgrp: rfork,
}

/** Where a name is looked for: in the directories of a variable, unless it says itself. */
export function dirsof(rc: Rc, name: string, variable: string): readonly string[] {
  if (name === '' || /^([/#]|\.\.?(\/|$))/.test(name)) return ['']
  const dirs = rc.vars.get(variable)
  return dirs.length === 0 ? [''] : dirs
}

async function cd(rc: Rc, argv: string[]): Promise<void> {
  rc.status = "can't cd"
  const home = rc.vars.get('home')[0]
  if (argv.length > 2) rc.err += 'Usage: cd [directory]\n'
  else if (argv.length === 1 && home === undefined) rc.err += "Can't cd -- $home empty\n"
  else {
    const name = argv[1] ?? home!
    let why = ''
    for (const dir of argv.length === 1 ? [''] : dirsof(rc, name, 'cdpath')) {
      const path = makepath(dir, name)
      try {
        await rc.sys.chdir(path)
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
        why = e.message
        continue
      }
      if (dir !== '' && dir !== '.') rc.err += `${path}\n`
      rc.status = ''
      return
    }
    rc.err += `Can't cd ${name}: ${why}\n`
  }
}

async function evaluate(rc: Rc, argv: string[], f: number): Promise<void> {
  if (argv.length === 1) rc.error('Usage: eval cmd ...')
  const lex = new Lexer({ file: `${rc.place} *eval*`, block: true })
  lex.add(`${argv.slice(1).join(' ')}\n`)
  await text(rc, lex, false, f)
}

/** Runs commands that are all in the lexer. */
async function text(rc: Rc, lex: Lexer, quiet: boolean, f: number): Promise<void> {
  lex.ended = true
  await rc.commands({ lex, fd: -1, interactive: false, quiet }, f)
}

/** Functions come out of the environment. */
async function finit(rc: Rc, _argv: string[], f: number): Promise<void> {
  const lex = new Lexer({ file: rc.file, line: rc.line, block: true })
  lex.add("for(i in '/env/fn#'*){. -bq $i}\n")
  await text(rc, lex, true, f)
}

function exec(rc: Rc, argv: string[]): Promise<void> {
  if (argv.length === 1) rc.error('exec: empty argument list')
  return rc.exec(argv.slice(1))
}

function exit(rc: Rc, argv: string[]): Promise<void> {
  if (argv.length > 2) rc.err += 'Usage: exit [status]\nExiting anyway\n'
  return rc.exit(argv[1])
}

function shift(rc: Rc, argv: string[]): undefined {
  if (argv.length > 2) {
    rc.err += 'Usage: shift [n]\n'
    rc.status = 'shift usage'
    return
  }
  const n = Number.parseInt(argv[1] ?? '1', 10) || 0
  const star = rc.vars.get('*')
  if (n > 0 && star.length > 0) rc.vars.set('*', star.slice(n))
  rc.status = ''
}

async function wait(rc: Rc, argv: string[]): Promise<void> {
  if (argv.length > 2) rc.error('Usage: wait [pid]')
  await rc.waitfor(argv.length === 2 ? Number.parseInt(argv[1]!, 10) || 0 : -1)
}

async function dot(rc: Rc, argv: string[], f: number): Promise<void> {
  const flags = new Set<string>()
  let i = 1
  for (; argv[i]?.[0] === '-'; i++) {
    const letters = argv[i]!.slice(1)
    if (letters[0] === '-') {
      i++
      break
    }
    for (const c of letters) {
      if (!'biq'.includes(c)) rc.error('Usage: . [-biq] file [arg ...]')
      flags.add(c)
    }
  }
  const name = argv[i]
  if (name === undefined) rc.error('Usage: . [-biq] file [arg ...]')
  let fd = -1
  let file = ''
  let why: unknown
  for (const dir of dirsof(rc, name, 'path')) {
    file = makepath(dir, name)
    try {
      fd = await rc.sys.open(file, OREAD)
      break
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      why = e
    }
  }
  if (fd < 0) {
    if (flags.has('q')) return
    rc.failed(`. can't open: ${name}`, why)
  }
  const interactive = flags.has('i')
  const block = !interactive && (flags.has('b') || rc.flag('b'))
  const redir: Redir = { type: 'close', from: fd, to: 0, next: rc.redir }
  const src: Source = { lex: new Lexer({ file, block }), fd, redir, interactive, quiet: flags.has('q') }
  rc.vars.local('*', argv.slice(i + 1))
  rc.vars.local('0', [name])
  try {
    await rc.thread(file, async () => {
      rc.redir = redir
      await rc.commands(src, f)
    })
  } finally {
    rc.vars.unlocal('0')
    rc.vars.unlocal('*')
    if (src.fd >= 0) await rc.close(src.fd)
  }
}

function flag(rc: Rc, argv: string[]): undefined {
  const [, letter, val] = argv
  if (argv.length === 2) {
    rc.status = rc.flag(letter![0] ?? '') ? '' : 'flag not set'
    return
  }
  if (argv.length !== 3 || letter!.length !== 1 || (val !== '+' && val !== '-')) {
    rc.error('Usage: flag [letter] [+-]')
  }
  if (val === '+') rc.flags.set(letter!, '')
  else rc.flags.delete(letter!)
  rc.status = ''
}

const rforkbits: Record<string, number> = {
  n: RFNAMEG,
  N: RFCNAMEG,
  m: RFNOMNT,
  e: RFENVG,
  E: RFCENVG,
  s: RFNOTEG,
  f: RFFDG,
  F: RFCFDG,
}

async function rfork(rc: Rc, argv: string[]): Promise<void> {
  let bits = argv.length === 1 ? RFENVG | RFNAMEG | RFNOTEG : 0
  for (const c of argv[1] ?? '') bits |= rforkbits[c] ?? 0
  if (argv.length > 2 || [...(argv[1] ?? '')].some(c => !Object.hasOwn(rforkbits, c))) {
    rc.err += `Usage: ${argv[0]} [fnesFNEm]\n`
    rc.status = 'rfork usage'
    return
  }
  try {
    await rc.sys.rfork(bits)
  } catch (e) {
    if (!(e instanceof PlanError)) throw e
    rc.err += `rc: ${argv[0]} failed\n`
    rc.status = 'rfork failed'
    return
  }
  if (bits & RFCFDG) for (let r = rc.redir; r; r = r.next) r.type = 'none'
  rc.status = ''
}

async function whatis(rc: Rc, argv: string[]): Promise<void> {
  if (argv.length === 1) rc.error('Usage: whatis name ...')
  rc.status = ''
  const fd = mapfd(rc.redir, 1)
  for (const name of argv.slice(1)) {
    const v = rc.vars.get(name)
    let out = ''
    if (v.length === 1) out = `${name}=${quote(v[0]!)}\n`
    else if (v.length > 1) out = `${name}=(${v.map(quote).join(' ')})\n`
    const fn = rc.vars.fn(name)
    if (fn) out += fntext(name, fn)
    else if (Object.hasOwn(builtins, name)) out += `builtin ${name}\n`
    else {
      const file = await executable(rc, name)
      if (file !== undefined) out += `${file}\n`
      else if (v.length === 0) {
        rc.err += `${name}: not found\n`
        rc.status = 'not found'
      }
    }
    if (out === '') continue
    await rc.flush()
    try {
      await rc.sys.write(fd, out)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
  }
}

async function executable(rc: Rc, name: string): Promise<string | undefined> {
  for (const dir of dirsof(rc, name, 'path')) {
    const file = makepath(dir, name)
    const d = await dirstat(rc.sys, file)
    if (d && (d.mode & 0o111) !== 0 && (d.mode & DMDIR) === 0) return file
  }
  return undefined
}
