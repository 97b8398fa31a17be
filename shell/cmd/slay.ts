import type { Program } from '../../plan9/kernel/sys.ts'
import { commands } from './kill.ts'

const slay: Program = async (sys, argv) => {
  for (const name of argv.slice(1)) {
    const status = await commands(
      sys,
      'slay',
      undefined,
      p => p.text === name,
      p => `echo kill>/proc/${p.pid}/ctl`,
    )
    if (status !== '') return status
  }
  return ''
}
export default slay
