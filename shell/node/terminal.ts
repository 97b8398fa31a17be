import process from 'node:process'
import type { ConsDriver } from '../../plan9/kernel/sys.ts'
import { PNGROUP } from '../../plan9/kernel/sys.ts'
import { type BootOptions, boot } from '../boot.ts'
import { completer } from '../line/complete.ts'
import { Console } from '../line/console.ts'

/** An interactive rc on the host's terminal, with the line editor. Returns the exit status for the host. */
export async function terminal(
  options: (cons: ConsDriver[]) => BootOptions,
  dir: string,
  flags: string[],
): Promise<number> {
  const { stdin, stdout } = process
  let pid = 0
  const cons: Console = new Console({
    output: data =>
      new Promise<void>(resolve => {
        stdout.write(data, () => resolve())
      }),
    interrupt: () => {
      if (pid !== 0) kernel.postnote(PNGROUP, pid, 'interrupt')
    },
    complete: (line, cursor) => completer(kernel.sysFor(pid), line, cursor),
    cols: stdout.columns,
    rows: stdout.rows,
    emoji: true,
    reflows: true,
  })
  const { kernel, startShell } = boot(options([cons]))

  stdin.setRawMode(true)
  process.on('exit', () => {
    cons.close()
    stdin.setRawMode(false)
  })
  // The terminal is gone.
  for (const stream of [stdin, stdout]) stream.on('error', () => process.exit(1))
  // A terminal sends DEL for the key that erases, which is BS on Plan 9.
  stdin.on('data', data => cons.input(new Uint8Array(data).map(b => (b === 0x7f ? 8 : b))))
  stdin.on('end', () => cons.input('\x04'))
  stdout.on('resize', () => cons.resize(stdout.columns, stdout.rows))
  process.on('SIGTERM', () => process.exit(1))
  process.on('SIGHUP', () => process.exit(1))

  const shell = await startShell(0, { dir, flags })
  pid = shell.pid
  return (await shell.exited) === '' ? 0 : 1
}
