import type { Program } from '../../plan9/kernel/sys.ts'
import { commands } from './kill.ts'

const broke: Program = (sys, argv) =>
  commands(
    sys,
    'broke',
    argv[1],
    p => p.state === 'Broken',
    p => `echo kill>/proc/${p.pid}/ctl`,
  )
export default broke
