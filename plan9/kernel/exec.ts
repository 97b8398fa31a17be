import { OEXEC } from '../9p/const.ts'
import { Ebadarg, Ebadexec, Eintr, Eio, Enonexist, PlanError } from '../error.ts'
import { cclose, lastelem, namec } from './chan.ts'
import { tokenize } from './parse.ts'
import { Aopen, CCEXEC, type Chan, type Proc } from './portdat.ts'
import { launch, unwind } from './proc.ts'
import type { Program, ProgramTable } from './sys.ts'
import { fdclose } from './sysfile.ts'

/** A file being executed. */
export interface Execfile {
  /** Its first bytes, HEADER at most. */
  header: Uint8Array
  /** The name that it was opened by. */
  name: string
  /** It, open; a reference of the caller's. */
  chan: Chan
}

/**
 * A kind of executable file, tried in the order of registration (`Kernel.images`). Its program is loaded before the
 * process is committed, so that what it throws is exec's error.
 */
export interface Image {
  readonly name: string
  /** undefined: the file is of another kind. @throws PlanError Ebadexec: it is of this kind, and broken; Etoobig */
  load(file: Execfile, up: Proc, argv: string[]): Program | undefined | Promise<Program | undefined>
}

/** Bytes that a file is known by: `#!` lines end within. */
const HEADER = 256

/** What `import` gave: to ask it again, even for what it has, costs much of an exec. */
const loaded = new WeakMap<ProgramTable[string], Program>()

/** `#!js NAME`: a program of the kernel's table. */
export const jsimage: Image = {
  name: 'js',
  async load(file, up) {
    const f = shargs(file.header)
    if (f?.[0] !== 'js' || f.length !== 2) return undefined
    const { programs } = up.k
    const loader = Object.hasOwn(programs, f[1]!) ? programs[f[1]!] : undefined
    if (!loader) throw new PlanError(`${Enonexist}: '#!js ${f[1]}'`)
    const have = loaded.get(loader)
    if (have) return have
    try {
      const program = (await loader()).default
      loaded.set(loader, program)
      return program
    } catch (e) {
      up.k.printerr(`exec: ${f[1]}`, e)
      throw new PlanError(Eio)
    }
  },
}

/** The words of a `#!` line; undefined when it is none, or has no end. */
function shargs(header: Uint8Array): string[] | undefined {
  if (header.length <= 2 || header[0] !== 0x23 || header[1] !== 0x21) return undefined
  const nl = header.indexOf(0x0a)
  return nl < 0 ? undefined : tokenize(new TextDecoder().decode(header.subarray(2, nl)))
}

interface Found {
  program: Program
  image: Image
  tc: Chan
  argv: string[]
}

async function load(up: Proc, name: string, argv0: string[]): Promise<Found> {
  const elem = lastelem(name)
  let file = name
  let argv = argv0
  for (let indir = 0; ; indir++) {
    const tc = await namec(up, file, Aopen, OEXEC)
    try {
      const header = await tc.type.read(up, tc, HEADER, 0)
      const x: Execfile = { header, name: file, chan: tc }
      for (const image of up.k.images) {
        const program = await image.load(x, up, argv)
        if (program) {
          tc.ref++
          return { program, image, tc, argv }
        }
      }
      const line = shargs(header)
      if (indir > 0 || !line || line.length === 0) throw new PlanError(Ebadexec)
      argv = [elem, ...line.slice(1), file, ...argv0.slice(1)]
      file = line[0]!
    } finally {
      cclose(tc)
    }
  }
}

/**
 * Replaces up's program. A `#!` line names an interpreter, one deep; it gets as arguments the script's last element, the
 * line's own, the script's full name, and the caller's from 1 on. Groups, pid, dot and fds stay, but for OCEXEC ones.
 *
 * @throws PlanError Enonexist, Eperm, Ebadexec, Eintr; Unwind when it worked
 */
export async function sysexec(up: Proc, name: string, argv: string[]): Promise<never> {
  if (argv.length === 0) throw new PlanError(Ebadarg)
  const { gen } = up
  const found = await load(up, name, argv)
  if (up.gen !== gen) {
    cclose(found.tc)
    throw unwind
  }
  if (up.notes.length > 0 && !up.notified) {
    // They are the old program's, and would be lost.
    cclose(found.tc)
    throw new PlanError(Eintr)
  }
  if (up.textc) cclose(up.textc)
  up.textc = found.tc
  up.image = found.image
  up.text = lastelem(name)
  up.args = found.argv
  up.setargs = undefined
  up.notes = []
  up.notified = false
  up.notify = undefined
  // By a handler: it does not come back.
  up.delivering = undefined
  up.attn = up.stopreq
  up.newinterrupt()
  const f = up.fgrp!
  for (let fd = 0; fd < f.fd.length; fd++) if (f.flag[fd]! & CCEXEC) void fdclose(up, fd)
  if (up.hang) up.stopreq = up.attn = true
  launch(up, sys => found.program(sys, found.argv))
  up.onexec?.()
  throw unwind
}
