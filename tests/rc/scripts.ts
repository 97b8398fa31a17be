import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const dir = fileURLToPath(new URL('.', import.meta.url))

/**
 * The scripts of this folder. NAME.rc is run as `rc ./script`; NAME.expected is what it writes on fd 1, NAME.err, when
 * there is one, what it writes on fd 2; those that end with a status that is not success are named in `failing`. They agree
 * with 9front's rc, built on Linux, but for the system's error strings, for what Linux has not (/env, rfork), for the
 * printing of redirections (shell/print.ts), and for sigexit, which 9front does not call at the end of a script.
 */
export interface Script {
  name: string
  text: string
  expected: string
  err: string
  ok: boolean
}

const failing = new Set(read(`${dir}failing`).split('\n'))

export const scripts: Script[] = readdirSync(dir)
  .filter(f => f.endsWith('.rc'))
  .sort()
  .map(f => {
    const name = f.slice(0, -3)
    return {
      name,
      text: readFileSync(dir + f, 'utf8'),
      expected: read(`${dir}${name}.expected`),
      err: read(`${dir}${name}.err`),
      ok: !failing.has(name),
    }
  })

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** For `BLESS=1`: what a script writes becomes what is expected of it. Read the diff. */
export function bless(name: string, out: string, err: string, ok: boolean): void {
  writeFileSync(`${dir}${name}.expected`, out)
  if (err !== '') writeFileSync(`${dir}${name}.err`, err)
  if (ok) failing.delete(name)
  else failing.add(name)
  const names = [...failing].filter(s => s !== '').sort()
  writeFileSync(`${dir}failing`, names.map(s => `${s}\n`).join(''))
}
