import { OREAD, OWRITE } from '../../../plan9/9p/const.ts'
import { RFENVG, RFFDG, RFPROC, type Sys } from '../../../plan9/kernel/sys.ts'
import { readall, readfile } from '../../../plan9/libc/bio.ts'
import { dirreadall } from '../../../plan9/libc/dirread.ts'
import { text } from '../../../plan9/libc/rune.ts'
import { attempt, eprint, r } from '../../../plan9/libc/sysfatal.ts'
import { internal, type Mk } from './state.ts'
import { shname, wtos } from './word.ts'

/** Variables and their lists, as a recipe has them in its environment. */
export type Env = [name: string, value: readonly string[]][]

/** Makes the environment mk's own, and takes the variables of it that rc could name and that have a value. */
export async function readenv(mk: Mk): Promise<void> {
  const { sys } = mk
  await sys.rfork(RFENVG)
  const fd = await attempt(sys.open('/env', OREAD))
  if (fd === undefined) return
  const all = await dirreadall(sys, fd)
  await sys.close(fd)
  for (const d of all) {
    if (d.length === 0n || shname(d.name) < d.name.length || internal.includes(d.name)) continue
    const b = await attempt(readfile(sys, `/env/${d.name}`))
    if (b !== undefined) mk.vars.set(d.name, text(b).replace(/\0$/, '').split('\0'))
  }
}

/**
 * The environment of a recipe whose internal variables are given; without them, of a command in a mkfile. What mk has
 * from its own environment is there already.
 */
export function recipeenv(mk: Mk, own: ReadonlyMap<string, readonly string[]> = new Map()): Env {
  const env: Env = internal.map(name => [name, own.get(name) ?? []])
  for (const name of new Set([...mk.ours, 'MKFLAGS', 'MKARGS']))
    if (!mk.noexport.has(name) && !internal.includes(name)) env.push([name, mk.vars.get(name) ?? []])
  return env
}

async function exportenv(sys: Sys, env: Env): Promise<void> {
  for (const [name, value] of env) {
    const file = `/env/${name}`
    if (value.length === 0) {
      await attempt(sys.remove(file))
      continue
    }
    try {
      const fd = await sys.create(file, OWRITE, 0o666)
      await sys.write(fd, value.length === 1 && value[0] !== '' ? value[0]! : value.map(w => `${w}\0`).join(''))
      await sys.close(fd)
    } catch (e) {
      await eprint(sys, `can't create ${file}\n${file}: ${r(e)}\n`)
    }
  }
}

/** Has rc run a command in a child: with -e, and with a pipe's end as its output, where asked for. @returns its pid */
export async function execsh(mk: Mk, cmd: string, env: Env, how: { e?: boolean; out?: number } = {}): Promise<number> {
  const { sys } = mk
  await mk.out.flush()
  if (mk.flags.debugexec) await mk.print(`pipecmd='${cmd}'\n`)
  return sys.rfork(RFPROC | RFFDG | RFENVG, async child => {
    if (how.out !== undefined) {
      await child.dup(how.out, 1)
      await child.close(how.out)
    }
    await exportenv(child, env)
    try {
      return await child.exec('/bin/rc', ['rc', ...(how.e ? ['-e'] : []), '-Ic', cmd])
    } catch (e) {
      await eprint(child, `/bin/rc: ${r(e)}\n`)
      return 'exec'
    }
  })
}

/** All that a command prints, and its pid: it is to be waited for. */
export async function readpipe(mk: Mk, cmd: string, env: Env): Promise<{ pid: number; output: string }> {
  const { sys } = mk
  const [rd, wr] = await sys.pipe()
  const pid = await execsh(mk, cmd, env, { out: wr })
  await sys.close(wr)
  const output = text(await readall(sys, rd))
  await sys.close(rd)
  return { pid, output }
}

/**
 * A recipe as mk prints it: with the values of the variables that mk knows better than the reader. What is in quotes or
 * in `{} stays.
 */
export function shprint(mk: Mk, recipe: string, own: ReadonlyMap<string, readonly string[]>): string {
  return recipe.replace(
    /'[^']*'?|`(?:'[^']*'?|[^'}])*\}?|\$(?:\{([^}]*)\}?|([^\0- !-/:-@[-^`{-~]*))/g,
    (s, braced, bare) => {
      if (s[0] !== '$') return s
      const name: string = braced ?? bare
      const value = internal.includes(name) ? (own.get(name) ?? []) : mk.ours.has(name) ? mk.vars.get(name) : undefined
      return value === undefined ? s : wtos(value)
    },
  )
}
