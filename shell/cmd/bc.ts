import { OREAD } from '../../plan9/9p/const.ts'
import { type Program, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, write } from '../../plan9/libc/bio.ts'
import { tobytes } from '../../plan9/libc/bytes.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'
import { Eof, Lex } from './bc/lex.ts'
import { Bad, Parser } from './bc/parse.ts'

const LIBRARY = '/sys/lib/bclib'

interface Options {
  debug: boolean
  silent: boolean
}

/** Compiles the files and the standard input for dc, and writes to descriptor 1 what each statement becomes. */
async function compile(sys: Sys, files: string[], { debug, silent }: Options): Promise<string> {
  const put = async (code: string) => {
    if (debug) await eprint(sys, `bc: ${JSON.stringify(code)}\n`)
    await write(sys, 1, tobytes(code))
  }
  const complain = (msg: string) => put(`c[${lex.name.replace(/[[\]]/g, '?')}:${lex.line + 1} ${msg}]pc\n`)
  const left = [...files]
  let stdin = false
  const lex: Lex = new Lex(async () => {
    for (;;) {
      const name = left.shift()
      if (name === undefined) {
        if (stdin) return undefined
        stdin = true
        return { name: 'stdin', bin: new Bin(sys, 0) }
      }
      try {
        return { name, bin: new Bin(sys, await sys.open(name, OREAD)) }
      } catch (e) {
        r(e)
        lex.name = name
        lex.line = 0
        await complain('cannot open input file')
      }
    }
  })
  const parser = new Parser(lex, put, silent)
  for (;;)
    try {
      await parser.statement()
    } catch (e) {
      if (e instanceof Eof) break
      if (!(e instanceof Bad)) throw e
      await complain(e.message)
      parser.reset()
      if (e.fatal) break
    }
  await put('q')
  return ''
}

const bc: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const options: Options = { debug: false, silent: false }
  let only = false
  let library = false
  for (const c of arg)
    switch (c) {
      case 'c':
        only = true
        break
      case 'd':
        options.debug = true
        break
      case 'l':
        library = true
        break
      case 's':
        options.silent = true
        break
      default:
        await usage(sys, 'usage: bc [-cdls] [file ...]')
    }
  const files = library ? [LIBRARY, ...arg.argv] : arg.argv
  if (only) return compile(sys, files, options)
  const [dc, compiler] = await sys.pipe()
  await sys.rfork(RFPROC | RFFDG, async child => {
    await child.dup(compiler, 1)
    await child.close(compiler)
    await child.close(dc)
    return compile(child, files, options)
  })
  await sys.dup(dc, 0)
  await sys.close(dc)
  await sys.close(compiler)
  try {
    return await sys.exec('/bin/dc', ['dc'])
  } catch (e) {
    const err = r(e)
    await eprint(sys, `bc: /bin/dc: ${err}\n`)
    return err
  }
}
export default bc
