import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { readall, writefile } from '../../plan9/kernel/testkernel.ts'

/** Runs a command with its input and output in files. */
export async function command(
  sys: Sys,
  argv: string[],
  stdin = '',
): Promise<{ out: string; err: string; status: string }> {
  await writefile(sys, '/tmp/in', stdin)
  await sys.rfork(RFPROC | RFFDG, async child => {
    for (const [fd, name] of [
      [1, '/tmp/out'],
      [2, '/tmp/err'],
    ] as const) {
      const f = await child.create(name, OWRITE, 0o666)
      await child.dup(f, fd)
      await child.close(f)
    }
    const f = await child.open('/tmp/in', OREAD)
    await child.dup(f, 0)
    return child.exec(`/js/bin/${argv[0]}`, argv)
  })
  const { msg } = await sys.wait()
  return { out: await readall(sys, '/tmp/out'), err: await readall(sys, '/tmp/err'), status: msg }
}
