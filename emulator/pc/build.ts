import { PlanError } from '../../plan9/error.ts'
import type { Dialogue } from './dialogue.ts'

/** The sources on the shared disk, built in a 9front guest by its own compilers, and llmfs of them served. */

/** Compilers and linkers have the letter, and so have the files that they make. */
const letters = { '386': '8', amd64: '6' } as const
export type Arch = keyof typeof letters

/** The TARG of the sources' mkfile. */
export const programs = ['run', 'runq', 'export', 'llmfs'] as const

/** Where the disk is in the guest; the guest's own files. */
const DISK = '/n/sh'
const SRC = '/sys/src/cmd/llm'
const DIR = '/tmp/9ml'
/** The TCP port of the guest's llmfs. */
export const LLMPORT = 9564

const S = 1000

/** For which machines the guest can build. @throws PlanError */
export async function targets(d: Dialogue, signal?: AbortSignal): Promise<Arch[]> {
  const archs: Arch[] = []
  for (const [arch, o] of Object.entries(letters) as [Arch, string][]) {
    const r = await d.status(`test -f /${arch}/lib/libc.a && test -x /bin/${o}c && test -x /bin/${o}l`, 10 * S, signal)
    if (r.status === '') archs.push(arch)
  }
  if (archs.length === 0) throw new PlanError('the guest has no compiler')
  return archs
}

/**
 * Builds run, runq, export and llmfs for the machines that the guest can build for; they are on the shared disk then, and the
 * guest's own in its /bin.
 *
 * @returns the machines
 * @throws PlanError the compiler's last line
 */
export async function build(d: Dialogue, signal?: AbortSignal): Promise<Arch[]> {
  const run = (say: string, text: string, within: number) => {
    d.tell(say)
    return d.command(text, within, signal)
  }
  await run('sources', `rm -rf ${DIR}/llm; mkdir -p ${DIR}/llm && dircp ${DISK}${SRC} ${DIR}/llm`, 60 * S)
  const native = (await d.command('echo $cputype', 10 * S, signal)).trim()
  const archs = await targets(d, signal)
  for (const arch of archs) {
    const o = letters[arch]
    await run(`${arch}: compile`, `@{cd ${DIR}/llm && objtype=${arch} mk all}`, 600 * S)
    const dirs = [`${DISK}/${arch}/bin`, `${DIR}/${arch}/bin`]
    await run(`${arch}: install`, `mkdir -p ${dirs.join(' ')}`, 10 * S)
    for (const p of programs)
      for (const dir of dirs) await d.command(`cp ${DIR}/llm/${o}.${p} ${dir}/${p}`, 30 * S, signal)
    await d.command(`chmod +x ${dirs[1]}/*`, 10 * S, signal)
    if (arch === native) await d.command(`bind -b ${dirs[1]} /bin`, 10 * S, signal)
  }
  return archs
}

/**
 * Starts the guest's llmfs at /srv/llm and /mnt/llm, and exports it on a port of its own. A connection to the root has the name
 * space of when it was made, that may have been before; one to the port always has llmfs.
 *
 * @throws PlanError
 */
export async function serveLlm(d: Dialogue, signal?: AbortSignal): Promise<void> {
  d.tell('llmfs')
  await d.command('test -e /srv/llm || llmfs -s llm', 30 * S, signal)
  await d.command('test -e /mnt/llm/ctl || mount /srv/llm /mnt/llm', 30 * S, signal)
  d.tell(`llmfs on tcp port ${LLMPORT}`)
  const listens = `grep -s '!'^${LLMPORT}^'$' /net/tcp/*/local >[2]/dev/null`
  const listen = `aux/listen1 -t 'tcp!*!${LLMPORT}' /bin/exportfs -r /mnt/llm &`
  await d.command(`if(! ${listens}) ${listen}`, 10 * S, signal)
  await d.command(`sleep 1; ${listens}`, 10 * S, signal)
}
