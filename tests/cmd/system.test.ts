import { expect, test } from 'vitest'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { fillRoot } from '../../shell/node/root.ts'

/** A whole system, and what a command prints on it. */
class System {
  readonly cons = new Testcons()
  readonly machine: Machine = boot({ fill: fillRoot, cons: [this.cons] })

  async run(command: string): Promise<{ out: string; status: string }> {
    const from = this.cons.out.length
    const { exited } = await this.machine.start({ argv: ['rc', '-c', command], cons: 0 })
    const status = await exited
    return { out: this.cons.out.slice(from), status }
  }

  async out(command: string): Promise<string> {
    return (await this.run(command)).out
  }
}

test('kill, slay: commands for what has the name and is mine', async () => {
  const s = new System()
  const [one, two] = (await s.out('sleep 1000& echo $apid; cat /dev/zero >/dev/null & echo $apid')).trim().split('\n')
  expect(await s.out('kill sleep cat')).toBe(
    `@{echo kill>/proc/${one}/note} # sleep\n@{echo kill>/proc/${two}/note} # cat\n`,
  )
  expect(await s.out("slay 's.*p'")).toBe(`@{echo kill>/proc/${one}/ctl} # sleep\n`)
  expect(await s.out('kill slee leep nosuch; user=nobody kill sleep; broke; broke glenda')).toBe('')
  const left = "while(ps | grep -s ' (sleep|cat)$') sleep 0; ps | grep -c ' (sleep|cat)$'"
  // What is gone meanwhile does not keep the others.
  expect(await s.out(`kill sleep >/tmp/k; {cat /tmp/k /tmp/k; slay cat} | rc >[2]/dev/null; ${left}`)).toBe('0\n')
})

test('stop and start', async () => {
  const s = new System()
  const pid = (await s.out('cat /dev/zero >/dev/null & echo $apid')).trim()
  expect(await s.out('start cat; start; stop; stop cat')).toBe(`echo stop>/proc/${pid}/ctl\n`)
  expect(await s.out('stop cat | rc; start cat; ps | grep Stopped')).toMatch(
    new RegExp(`^echo start>/proc/${pid}/ctl\nglenda +${pid} .* Stopped +cat\n$`),
  )
  expect(await s.out('start cat | rc; start cat; ps | grep Stopped; slay cat | rc')).toBe('')
})

test('who and uptime', async () => {
  const s = new System()
  expect(await s.out('who')).toBe('glenda\n')
  expect(await s.out('echo -n mars >/dev/sysname; uptime')).toMatch(/^mars up \d+ days, \d\d:[0-5]\d:[0-5]\d\n$/)
})

test('9fs says what it has not', async () => {
  const s = new System()
  expect(await s.run('9fs dump')).toEqual({ out: '9fs: dump: no such file server here\n', status: 'no dump' })
  expect(await s.run('9fs')).toEqual({ out: 'usage: 9fs [net!]system [mountpoint]\n', status: 'usage' })
})
