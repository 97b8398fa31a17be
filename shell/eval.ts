import { ORDWR, OREAD, OWRITE } from '../plan9/9p/const.ts'
import { Eintr, Enochild, Enovmem, PlanError } from '../plan9/error.ts'
import { RFFDG, RFNOTEG, RFPROC, RFREND, type Sys } from '../plan9/kernel/sys.ts'
import { Memmax } from '../plan9/libc/bio.ts'
import { builtins, dirsof } from './builtin.ts'
import { makepath, match } from './glob.ts'
import { HereError, herefile, psubst } from './here.ts'
import { hint } from './hint.ts'
import { type Lexer, NeedInput, quote } from './lex.ts'
import { type Line, parseLine, parseLineAgain } from './parse.ts'
import { print } from './print.ts'
import { apply, copyredir, type Redir } from './redir.ts'
import type { Assign, Case, Command, Dup, For, OpenMode, Pipe, Redirection, Simple, Switch, While } from './tree.ts'
import { type Func, type Value, type Vars, words } from './var.ts'
import { arg, args, type Maybe, one, patterns, value } from './word.ts'

/**
 * What ends a command before its time: an error, or an interrupt. It goes out to the interactive reader of commands, or
 * where there is none, to the end of rc.
 */
export class Unwind extends Error {
  override name = 'Unwind'
}

/** How a command is run. `-e` is in force: a simple command that fails ends rc. */
export const EFLAG = 1
/** rc ends after it: a program may take the place of rc itself. */
export const LAST = 2
/** Only commands `if not` follow before rc ends: if an `if` comes true in it, what that runs is the last. */
const IFLAST = 4

/** How deep functions, `eval` and `.` may call each other. */
const MAXCALLS = 5000
/** Calls after which the host's stack is left for a fresh one. */
const STACK = 16
/** Bytes of one read of commands. */
const BLOCK = 32768
/** Milliseconds that rc runs before it lets others. */
const SLICE = 15

/** The notes that rc takes, by what they begin with, and the functions that are called for them. */
const notes: readonly (readonly [string, string])[] = [
  ['hangup', 'sighup'],
  ['interrupt', 'sigint'],
  ['quit', 'sigquit'],
  ['alarm', 'sigalrm'],
  ['kill', 'sigkill'],
  ['sys: fp: ', 'sigfpe'],
  ['term', 'sigterm'],
]

/** What a reader of commands reads from. */
export interface Source {
  lex: Lexer
  /** -1: all the text is in the lexer. */
  fd: number
  /** Closes `fd` in the commands' processes. */
  redir?: Redir
  interactive: boolean
  /** Neither `-e` nor `-v` hold. */
  quiet: boolean
}

/**
 * One process of rc: its variables, its redirections, and the evaluation of trees. What has to wait returns a promise;
 * what need not, returns undefined, and a loop of assignments awaits nothing.
 */
export class Rc {
  sys: Sys
  readonly vars: Vars
  readonly flags: Map<string, string>
  /** Where we are, for errors. */
  file = 'rc'
  line = 0
  redir: Redir | undefined
  /** What is to go to fd 2. */
  err = ''
  /** This is no child that rc made of itself: it takes notes, and calls sigexit. */
  main: boolean

  /** The last `if` was not true. */
  private ifnot = true
  private calls = 0
  /** EFLAG when it is in force for the command whose words are evaluated. */
  private eflags = 0
  private traps: string[] = []
  /** A note has cut short a system call since commands were last read. */
  private interrupted = false
  private exiting = false
  private ops = 0
  private sliceend = 0
  private readonly children = new Set<number>()
  /** The left sides of pipelines that are running, and how those ended that we were not waiting for. */
  private readonly pipelines = new Map<number, string | undefined>()
  /** Pipes that `<{}` made, which last as long as the line or the function that they stand in. */
  private pipefds: number[] = []

  constructor(sys: Sys, vars: Vars, flags: Map<string, string>, main: boolean) {
    this.sys = sys
    this.vars = vars
    this.flags = flags
    this.main = main
  }

  get status(): string {
    return this.vars.get('status')[0] ?? ''
  }

  set status(s: string) {
    this.vars.set('status', [s])
  }

  /** True when `$status` stands for success. */
  ok(): boolean {
    return /^[|0]*$/.test(this.status)
  }

  flag(c: string): boolean {
    return this.flags.has(c)
  }

  // Errors, notes and the end.

  /** `file:line` as it stands before a complaint. */
  get place(): string {
    return this.line > 0 ? `${this.file}:${this.line}` : this.file
  }

  error(msg: string): never {
    this.status = 'error'
    this.err += `${this.place}: ${msg}\n`
    throw new Unwind(msg)
  }

  /** An error that the kernel has named: `file:line: what: errstr`, and `$status` is the errstr. */
  failed(what: string, e: unknown): never {
    if (!(e instanceof PlanError)) throw e
    this.status = e.message
    this.err += `${this.place}: ${what}: ${e.message}\n`
    throw new Unwind(e.message)
  }

  async flush(): Promise<void> {
    if (this.err === '') return
    const s = this.err
    this.err = ''
    try {
      await this.sys.write(2, s)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
  }

  /** /env is told of what has changed; fd 2 gets what it is to get. */
  async update(): Promise<void> {
    if (this.vars.stale) this.err += await this.vars.update(this.sys)
    await this.flush()
  }

  /** The end, after sigexit. A status that `exit` was given outlasts what sigexit does. */
  async exit(status?: string): Promise<never> {
    if (status !== undefined) this.status = status
    if (this.main && !this.exiting) {
      this.exiting = true
      const fn = this.vars.fn('sigexit')
      if (fn) {
        this.redir = undefined
        await this.call(fn, this.vars.get('*'), 0)
        if (status !== undefined) this.status = status
      }
    }
    return this.finish()
  }

  async finish(): Promise<never> {
    await this.update()
    return this.sys.exits(this.ok() ? '' : this.status)
  }

  /** For notify(2). */
  note(msg: string): boolean {
    const sig = notes.find(n => msg.startsWith(n[0]))?.[1]
    if (sig === undefined) return false
    if (sig !== 'sigfpe') this.interrupted = true
    if (sig !== 'sigint' || !this.traps.includes(sig)) this.traps.push(sig)
    return true
  }

  private busy(): boolean {
    return this.traps.length > 0 || ((++this.ops & 63) === 0 && performance.now() > this.sliceend)
  }

  /** Lets other processes run, and does what notes ask for. */
  private async breathe(): Promise<void> {
    if (performance.now() > this.sliceend) {
      try {
        await this.sys.sleep(0)
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
      }
      this.sliceend = performance.now() + SLICE
    }
    await this.dotrap()
  }

  private async dotrap(): Promise<void> {
    for (let sig = this.traps.shift(); sig !== undefined; sig = this.traps.shift()) {
      if (!this.main) await this.finish()
      const fn = this.vars.fn(sig)
      if (fn) {
        const { redir } = this
        this.redir = undefined
        try {
          await this.call(fn, this.vars.get('*'), 0)
        } finally {
          this.redir = redir
        }
        continue
      }
      // What a note ends has not succeeded.
      if (this.ok()) this.status = notes.find(n => n[1] === sig)![0]
      if (sig === 'sigint' || sig === 'sigquit') throw new Unwind('interrupted')
      await this.finish()
    }
  }

  // Processes.

  /** A child that is rc itself: runs `body`, and ends. */
  async fork(body: (rc: Rc) => Promise<void>): Promise<number> {
    await this.update()
    const rc = new Rc(this.sys, this.vars.copy(), new Map(this.flags), false)
    rc.file = this.file
    rc.line = this.line
    rc.redir = copyredir(this.redir)
    rc.ifnot = this.ifnot
    rc.calls = this.calls
    // A note that came before the child was there is the child's too.
    rc.traps = [...this.traps]
    return this.rfork(async sys => {
      rc.sys = sys
      sys.notify(n => rc.note(n))
      // Until now its notes went to the handler that it has from its parent.
      if (this.traps.length > 0) rc.traps = [...this.traps]
      try {
        await body(rc)
      } catch (e) {
        if (!(e instanceof Unwind)) throw e
      }
      return rc.finish()
    })
  }

  private async rfork(child: (sys: Sys) => Promise<string>): Promise<number> {
    try {
      const pid = await this.sys.rfork(RFPROC | RFFDG | RFREND, child)
      this.children.add(pid)
      return pid
    } catch (e) {
      return this.failed('try again', e)
    }
  }

  /**
   * Waits for a child, whose wait message becomes `$status`; pid -1 for all of them.
   * @returns false when a note came instead
   */
  async waitfor(pid: number): Promise<boolean> {
    if (pid >= 0 && !this.children.has(pid)) return true
    for (;;) {
      try {
        const w = await this.sys.wait()
        this.children.delete(w.pid)
        if (w.pid === pid) {
          this.status = w.msg
          return true
        }
        if (this.pipelines.has(w.pid)) this.pipelines.set(w.pid, w.msg)
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
        if (e.message !== Enochild) return e.message !== Eintr
        this.children.clear()
        return true
      }
    }
  }

  private async pipe(): Promise<[number, number]> {
    try {
      return await this.sys.pipe()
    } catch (e) {
      return this.failed("can't get pipe", e)
    }
  }

  private push(type: Redir['type'], from: number, to: number): void {
    this.redir = { type, from, to, next: this.redir }
  }

  async close(fd: number): Promise<void> {
    try {
      await this.sys.close(fd)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
  }

  /** The program named by argv[0] takes the place of rc; if it cannot, rc ends. */
  async exec(argv: string[]): Promise<never> {
    await this.update()
    // From here on a note is for the program, which has no handler: it would not learn of one that rc took.
    if (this.traps.length > 0) await this.dotrap()
    this.sys.notify(undefined)
    await apply(this.sys, this.redir)
    this.status = await tryexec(this.sys, dirsof(this, argv[0]!, 'path'), argv)
    this.err += `${this.place}: ${argv[0]}: ${this.status}\n`
    return this.exit()
  }

  private async external(argv: string[], f: number): Promise<void> {
    if (f & LAST && !(this.main && this.vars.fn('sigexit'))) await this.exec(argv)
    await this.update()
    const dirs = dirsof(this, argv[0]!, 'path')
    const { redir, place } = this
    // The command would not get a note that came before it was there, and be waited for.
    if (this.traps.length > 0) await this.dotrap()
    const pid = await this.rfork(async sys => {
      sys.notify(undefined)
      // Until now its notes went to the handler that it has from rc.
      if (this.traps.length > 0) return 'interrupt'
      await apply(sys, redir)
      const status = await tryexec(sys, dirs, argv)
      await sys.write(2, `${place}: ${argv[0]}: ${status}\n`)
      return status
    })
    while (!(await this.waitfor(pid))) {}
    if (this.traps.length > 0) await this.dotrap()
    // Of a program that was started the status has its own name in front.
    if (this.main && this.flag('i') && /^rc \d+: file does not exist/.test(this.status)) await hint(this.sys, argv[0]!)
  }

  // Commands.

  /** Runs a tree; undefined when it is done already. */
  run(t: Command | undefined, f: number): Promise<void> | undefined {
    if (t === undefined) return undefined
    if (this.busy()) return this.breathe().then(() => this.run1(t, f))
    return this.run1(t, f)
  }

  private run1(t: Command, f: number): Promise<void> | undefined {
    this.line = t.line
    this.eflags = f & EFLAG
    if (this.flags.has('r') && t.type !== 'seq' && t.type !== 'brace') {
      this.err += `${this.place} pid ${this.sys.pid} ${t.type}: ${print(t)}\n`
    }
    switch (t.type) {
      case 'simple': {
        const argv = args(this, t.words)
        if (argv instanceof Promise) return this.simpleLater(argv, t, f)
        return this.simple(argv, t, f)
      }
      case 'seq':
        return this.seq(t.cmds, f)
      case 'brace':
      case 'paren':
        return this.run(t.body, f & ~IFLAST)
      case 'if':
        return this.if(t.cond, t.body, f)
      case 'if not':
        return this.ifnot ? this.run(t.body, f) : undefined
      case 'for':
        return this.for(t, f & EFLAG)
      case 'while':
        return this.while(t, f & EFLAG)
      case 'switch':
        return this.switch(t, f & EFLAG)
      case '~': {
        const pats = patterns(this, t.patterns)
        if (pats instanceof Promise) return pats.then(p => this.match(p, arg(this, t.subject), f))
        return this.match(pats, arg(this, t.subject), f)
      }
      case '&&':
      case '||':
        return this.andor(t.type === '&&', t.left, t.right, f & ~IFLAST)
      case '|':
        return this.pipeline(t, f & EFLAG)
      case '!':
        return this.not(t.body, f & EFLAG)
      case '@':
        return this.subshell(t.body, f)
      case '&':
        return this.async(t.body, f & EFLAG)
      case 'fn': {
        const names: Maybe<Value> = t.names.length === 1 ? value(this, t.names[0]!, false) : this.names(t.names)
        if (names instanceof Promise) return names.then(n => this.define(n, t.body, f))
        return this.define(names, t.body, f)
      }
      case '=': {
        if (t.body) return this.local(t, f & ~IFLAST)
        const v = arg(this, t.value)
        if (v instanceof Promise) return v.then(w => this.assign(t, w))
        return this.assign(t, v)
      }
      case 'redir':
      case 'dup':
        return this.redirect(t, f & ~IFLAST)
    }
  }

  private async simpleLater(argv: Promise<string[]>, t: Simple, f: number): Promise<void> {
    await this.simple(await argv, t, f)
  }

  private simple(argv: string[], t: Simple, f: number): Promise<void> | undefined {
    this.line = t.line
    const p = this.command(argv, f)
    return f & EFLAG ? this.eflag(p) : p
  }

  private async eflag(p: Promise<void> | undefined): Promise<void> {
    await p
    if (!this.ok()) await this.exit()
  }

  private command(argv: string[], f: number): Promise<void> | undefined {
    if (argv.length === 0) this.error('empty argument list')
    if (this.flags.has('x')) this.err += `${argv.map(quote).join(' ')}\n`
    const fn = this.vars.fn(argv[0]!)
    if (fn) return this.call(fn, argv.slice(1), f & LAST)
    const words = argv[0] === 'builtin' ? argv.slice(1) : argv
    if (words.length === 0) this.error('builtin: empty argument list')
    const builtin = Object.hasOwn(builtins, words[0]!) ? builtins[words[0]!] : undefined
    if (builtin) return builtin(this, words, f & LAST)
    return this.external(words, f)
  }

  private async seq(cmds: readonly Command[], f: number): Promise<void> {
    let last = cmds.length - 1
    if (f & (LAST | IFLAST)) while (last > 0 && cmds[last]!.type === 'if not') last--
    for (let i = 0; i < cmds.length; i++) {
      let how = f & EFLAG
      if (i === cmds.length - 1) how = f
      else if (i >= last && f & (LAST | IFLAST)) how |= IFLAST
      const p = this.run(cmds[i], how)
      if (p) await p
    }
  }

  private async if(cond: Command, body: Command | undefined, f: number): Promise<void> {
    const p = this.run(cond, 0)
    if (p) await p
    this.ifnot = true
    if (!this.ok()) return
    const how = (f & EFLAG) | (f & (LAST | IFLAST) ? LAST : 0)
    const q = this.run(body, how)
    if (q) await q
    this.ifnot = false
  }

  private async for(t: For, f: number): Promise<void> {
    const list = t.words ? await args(this, t.words) : this.vars.get('*')
    const name = one(this, await value(this, t.name, false), 'local variable name must be singleton')
    this.vars.local(name, [])
    try {
      for (const w of list) {
        this.vars.set(name, [w])
        const p = this.run(t.body, f)
        if (p) await p
        if (this.busy()) await this.breathe()
      }
    } finally {
      this.vars.unlocal(name)
    }
  }

  private async while(t: While, f: number): Promise<void> {
    for (;;) {
      if (t.cond.body === undefined) this.status = ''
      const p = this.run(t.cond, 0)
      if (p) await p
      if (!this.ok()) return
      const q = this.run(t.body, f)
      if (q) await q
      if (this.busy()) await this.breathe()
    }
  }

  private async switch(t: Switch, f: number): Promise<void> {
    const s = (await arg(this, t.word)).join(' ')
    const c = await this.case(t.cases, s)
    if (c) await this.seq(c.cmds, f)
  }

  private async case(cases: readonly Case[], s: string): Promise<Case | undefined> {
    for (const c of cases) {
      for (const p of await patterns(this, c.patterns)) if (match(s, p)) return c
    }
    return undefined
  }

  private match(pats: string[], subject: Maybe<Value>, f: number): Promise<void> | undefined {
    if (subject instanceof Promise) return subject.then(s => this.match(pats, s, f))
    const s = subject.join(' ')
    this.status = pats.some(p => match(s, p)) ? '' : 'no match'
    return f & EFLAG ? this.eflag(undefined) : undefined
  }

  private async andor(and: boolean, left: Command | undefined, right: Command | undefined, f: number): Promise<void> {
    const p = this.run(left, 0)
    if (p) await p
    if (this.ok() !== and) return
    const q = this.run(right, f)
    if (q) await q
  }

  private async not(body: Command | undefined, f: number): Promise<void> {
    await this.run(body, f)
    this.status = this.ok() ? 'false' : ''
  }

  private async names(list: Parameters<typeof patterns>[1]): Promise<string[]> {
    const names: string[] = []
    for (const w of list) names.push(...(await value(this, w, false)))
    return names
  }

  private define(names: Value, body: Func['body'] | undefined, f: number): undefined {
    for (const name of names) {
      this.vars.setfn(name, body && { body, file: this.file, eflag: (f & EFLAG) !== 0 })
    }
  }

  private assign(t: Assign, v: Value): Promise<void> | undefined {
    const set = (name: Value): undefined => {
      this.vars.set(one(this, name, '= variable name not singleton!'), v)
    }
    const name = value(this, t.name, false)
    return name instanceof Promise ? name.then(set) : set(name)
  }

  /** `a=1 b=2 cmd`, or `a=1 b=2` alone. */
  private async local(t: Assign, f: number): Promise<void> {
    const list: Assign[] = []
    let body: Command | undefined = t
    for (; body?.type === '='; body = body.body) list.push(body)
    if (body === undefined) {
      for (const a of list) await this.assign(a, await arg(this, a.value))
      return
    }
    const names: string[] = []
    try {
      for (const a of list) {
        const v = await arg(this, a.value)
        const name = one(this, await value(this, a.name, false), 'local variable name must be singleton')
        this.vars.local(name, v)
        names.push(name)
      }
      await this.run(body, f)
    } finally {
      for (const name of names.reverse()) this.vars.unlocal(name)
    }
  }

  /** Runs a function. */
  async call(fn: Func, argv: Value, f: number): Promise<void> {
    await this.thread(fn.file, async () => {
      this.vars.local('*', argv)
      try {
        const p = this.run(fn.body, f | (fn.eflag ? EFLAG : 0))
        if (p) await p
      } finally {
        this.vars.unlocal('*')
      }
    })
  }

  /** Runs what has a file and lines of its own, and closes the pipes that it made for `<{}`. */
  async thread(file: string, body: () => Promise<void>): Promise<void> {
    if (this.calls >= MAXCALLS) this.error('functions nested too deeply')
    const { file: oldfile, line, pipefds, redir } = this
    if (++this.calls % STACK === 0) await undefined
    this.file = file
    this.pipefds = []
    try {
      await body()
    } finally {
      this.calls--
      this.file = oldfile
      this.line = line
      this.redir = redir
      const fds = this.pipefds
      this.pipefds = pipefds
      for (const fd of fds) await this.close(fd)
    }
  }

  private async redirect(t: Redirection | Dup, f: number): Promise<void> {
    const { redir } = this
    if (t.type === 'dup') {
      if (t.from < 0) this.push('close', t.fd, 0)
      else this.push('dup', t.from, t.fd)
      try {
        await this.run(t.body, f)
      } finally {
        this.redir = redir
      }
      return
    }
    const fd = t.mode === '<<' ? await this.here(t) : await this.open(t)
    this.push('open', fd, t.fd)
    try {
      await this.run(t.body, f)
    } finally {
      this.redir = redir
      await this.close(fd)
    }
  }

  private async here(t: Redirection): Promise<number> {
    const quoted = t.file.type === 'word' && t.file.quoted
    try {
      return await herefile(this.sys, quoted ? t.here : psubst(t.here, this.vars))
    } catch (e) {
      return this.failed(e instanceof HereError ? `${e.complaint}: ${e.file}` : "<< can't open", e)
    }
  }

  private async open(t: Redirection): Promise<number> {
    const list = await arg(this, t.file)
    if (list.length !== 1) this.error(`${t.mode} requires ${list.length === 0 ? 'file' : 'singleton'}`)
    const file = list[0]!
    try {
      switch (t.mode) {
        case '<':
          return await this.sys.open(file, OREAD)
        case '<>':
          return await this.sys.open(file, ORDWR)
        case '>>': {
          const fd = await this.append(file)
          await this.sys.seek(fd, 0, 2).catch(ignore)
          return fd
        }
        default:
          return await this.sys.create(file, OWRITE, 0o666)
      }
    } catch (e) {
      return this.failed(`${t.mode} can't ${t.mode === '>' ? 'create' : 'open'}: ${file}`, e)
    }
  }

  private async append(file: string): Promise<number> {
    try {
      return await this.sys.open(file, OWRITE)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      return this.sys.create(file, OWRITE, 0o666)
    }
  }

  /** The left command in a child, the right one here. */
  private async pipeline(t: Pipe, f: number): Promise<void> {
    const [rd, wr] = await this.pipe()
    const pid = await this.fork(async rc => {
      await rc.close(rd)
      rc.push('open', wr, t.out)
      await rc.run(t.left, f | LAST)
    })
    await this.close(wr)
    this.pipelines.set(pid, undefined)
    let left: string | undefined
    let open = true
    const closerd = async () => {
      if (open) {
        open = false
        await this.close(rd)
      }
    }
    try {
      await this.thread(this.file, async () => {
        this.push('open', rd, t.in)
        await this.run(t.right, f)
      })
      await closerd()
      const right = this.status
      left = this.pipelines.get(pid)
      if (left === undefined) {
        while (!(await this.waitfor(pid))) {}
        left = this.status
      }
      this.status = left === '' ? right : `${left}|${right}`
    } finally {
      this.pipelines.delete(pid)
      await closerd()
    }
  }

  private async subshell(body: Command | undefined, f: number): Promise<void> {
    const pid = await this.fork(async rc => {
      await rc.run(body, (f & EFLAG) | LAST)
    })
    while (!(await this.waitfor(pid))) {}
    if (f & EFLAG && !this.ok()) await this.exit()
  }

  private async async(body: Command | undefined, f: number): Promise<void> {
    const pid = await this.fork(async rc => {
      try {
        rc.push('open', await rc.sys.open('/dev/null', OREAD), 0)
      } catch (e) {
        rc.failed("< can't open: /dev/null", e)
      }
      await rc.sys.rfork(RFNOTEG)
      await rc.run(body, f | LAST)
    })
    this.vars.set('apid', [String(pid)])
  }

  /** `` `split{body} ``: the words of what the body writes. */
  async backquote(split: string, body: Command | undefined): Promise<string[]> {
    const [rd, wr] = await this.pipe()
    const pid = await this.fork(async rc => {
      await rc.close(rd)
      rc.push('open', wr, 1)
      await rc.run(body, LAST)
    })
    await this.close(wr)
    const utf = new TextDecoder('utf-8', { ignoreBOM: true })
    let text = ''
    try {
      for (;;) {
        const b = await this.sys.read(rd, 32768)
        text += utf.decode(b, { stream: b.length > 0 })
        if (b.length === 0) break
        if (text.length > Memmax) throw new PlanError(Enovmem)
      }
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      if (e.message === Enovmem) this.failed("can't read from `{}", e)
    } finally {
      await this.close(rd)
    }
    await this.waitfor(pid)
    return words(text, split)
  }

  /** `<{body}`: the name of our end of the pipe. */
  async pipefile(mode: OpenMode, body: Command | undefined): Promise<string[]> {
    const [rd, wr] = await this.pipe()
    const read = mode === '<'
    const ours = read ? rd : wr
    const theirs = read ? wr : rd
    const { eflags } = this
    await this.fork(async rc => {
      await rc.close(ours)
      rc.push('open', theirs, read ? 1 : 0)
      await rc.run(body, eflags | LAST)
    })
    await this.close(theirs)
    this.pipefds.push(ours)
    return [`/fd/${ours}`]
  }

  // Reading commands.

  /** Reads commands and runs them until the source ends, or an error ends the reading. */
  async commands(src: Source, f: number): Promise<void> {
    const { lex } = src
    for (;;) {
      if (this.flags.has('s') && !this.ok()) this.err += `status=${this.vars.get('status').map(quote).join(' ')}\n`
      await this.flush()
      this.interrupted = this.traps.length > 0
      const line = await this.readline(src)
      if (typeof line === 'object') {
        if (lex.eof && src.fd >= 0) {
          await this.close(src.fd)
          src.fd = -1
          if (src.redir) src.redir.type = 'none'
        }
        await this.runline(line, src, lex.eof ? f : 0)
        if (lex.eof) return
        continue
      }
      this.err += lex.errors
      if (lex.error !== undefined) this.status = lex.error
      const { interrupted } = this
      if (!src.interactive || (lex.eof && !interrupted)) {
        if (this.traps.length > 0) await this.dotrap()
        return
      }
      if (interrupted) {
        this.err += '\n'
        lex.interrupted()
      }
      await this.runline(undefined, src, 0)
    }
  }

  private async runline(line: { tree: Command | undefined } | undefined, src: Source, f: number): Promise<void> {
    const { redir, calls } = this
    const how = (f & LAST) | (!src.quiet && this.flags.has('e') ? EFLAG : 0)
    try {
      if (line === undefined || this.traps.length > 0) await this.dotrap()
      if (line?.tree) await this.thread(src.lex.file, async () => this.run(line.tree, how))
      if (this.traps.length > 0) await this.dotrap()
    } catch (e) {
      if (!(e instanceof Unwind) || !src.interactive) throw e
      this.redir = redir
      this.calls = calls
    }
  }

  private async readline(src: Source): Promise<Line> {
    const { lex } = src
    lex.onecho =
      this.flags.has('V') || (!src.quiet && this.flags.has('v'))
        ? text => {
            this.err += text
          }
        : undefined
    lex.onprompt = src.interactive
      ? nth => {
          this.err += this.vars.get('prompt')[nth === 0 ? 0 : 1] ?? (nth === 0 ? '% ' : '\t')
        }
      : undefined
    for (let again = false; ; again = true) {
      try {
        return again ? parseLineAgain(lex) : parseLine(lex)
      } catch (e) {
        if (!(e instanceof NeedInput)) throw e
      }
      await this.flush()
      await this.fill(src)
    }
  }

  private readonly utf = new Map<Lexer, TextDecoder>()

  private async fill(src: Source): Promise<void> {
    const { lex } = src
    let utf = this.utf.get(lex)
    if (!utf) {
      utf = new TextDecoder('utf-8', { ignoreBOM: true })
      this.utf.set(lex, utf)
    }
    const had = lex.pending
    for (let n = 0; ; ) {
      let b: Uint8Array = new Uint8Array(0)
      if (src.fd >= 0 && this.traps.length === 0) {
        try {
          b = await this.sys.read(src.fd, BLOCK)
        } catch (e) {
          if (!(e instanceof PlanError)) throw e
        }
      }
      const text = utf.decode(b, { stream: b.length > 0 })
      lex.add(text)
      if (b.length === 0) {
        lex.ended = true
        this.utf.delete(lex)
        return
      }
      // No command ends without a newline; and a long one is not parsed from its beginning for each block of a file.
      n += text.length
      if (text.includes('\n') && (b.length < BLOCK || n >= had / 4)) return
    }
  }
}

function ignore(e: unknown): void {
  if (!(e instanceof PlanError)) throw e
}

/** @returns why it could not be */
async function tryexec(sys: Sys, dirs: readonly string[], argv: string[]): Promise<string> {
  let why = ''
  for (const dir of dirs) {
    try {
      await sys.exec(makepath(dir, argv[0]!), argv)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      why = e.message
    }
  }
  return why
}
