import { ORCLOSE, OREAD, OWRITE } from '../plan9/9p/const.ts'
import { PlanError } from '../plan9/error.ts'
import type { Sys } from '../plan9/kernel/sys.ts'
import { dirstat } from '../plan9/libc/dirread.ts'
import { idchr } from './lex.ts'
import type { Vars } from './var.ts'

/** The text of a here document with its variables put in: `$name`, `$1`, `$$` for a `$`; a caret after a name goes. */
export function psubst(text: string, vars: Vars): string {
  let out = ''
  let i = 0
  for (;;) {
    const dollar = text.indexOf('$', i)
    if (dollar < 0) return out + text.slice(i)
    out += text.slice(i, dollar)
    i = dollar + 1
    if (text[i] === '$') {
      out += '$'
      i++
      continue
    }
    const start = i
    while (i < text.length && idchr(text.charCodeAt(i))) i++
    const name = text.slice(start, i)
    if (/^0*[1-9][0-9]*$/.test(name)) out += vars.get('*')[Number(name) - 1] ?? ''
    else out += vars.get(name).join(' ')
    if (text[i] === '^') i++
  }
}

let serial = 0

function again(e: unknown): boolean {
  if (!(e instanceof PlanError)) throw e
  return true
}

/**
 * A file in /tmp that holds `text`, open for reading; closing it removes it.
 * @throws PlanError, with the file's name and rc's complaint as `heredoc` names them
 */
export async function herefile(sys: Sys, text: string): Promise<number> {
  const n = serial++
  const letters = String.fromCharCode(65 + (Math.floor(n / 26) % 26), 65 + (n % 26))
  const stem = `/tmp/here${String(sys.pid).padStart(10, '0')}`
  let name = stem + letters
  for (let i = 0; (await dirstat(sys, name)) !== undefined; i++) {
    if (i === 25) throw new HereError("<< can't get temp file", name, 'file already exists')
    name = `${stem}${letters[0]}${String.fromCharCode(97 + i)}`
  }
  let complaint = "<< can't get temp file"
  let made = false
  try {
    const fd = await sys.create(name, OWRITE, 0o666)
    made = true
    try {
      const b = new TextEncoder().encode(text)
      for (let i = 0; i < b.length; i += 32768) await sys.write(fd, b.subarray(i, i + 32768))
    } finally {
      await sys.close(fd)
    }
    complaint = "<< can't open"
    return await sys.open(name, OREAD | ORCLOSE)
  } catch (e) {
    if (!(e instanceof PlanError)) throw e
    // A note may have brought us here, and another may come.
    for (let i = 0; made && i < 3; i++) made = await sys.remove(name).then(() => false, again)
    throw new HereError(complaint, name, e.message)
  }
}

/** Why a here document could not be had: rc's complaint, the file, the error string. */
export class HereError extends PlanError {
  readonly complaint: string
  readonly file: string
  constructor(complaint: string, file: string, msg: string) {
    super(msg)
    this.complaint = complaint
    this.file = file
  }
}
