import { expect, test } from 'vitest'
import { boot, readall, writefile } from './testkernel.ts'

test('boot: the built-in name space has the root, the devices and the programs', async () => {
  const t = boot({ '/lib/motd': 'hello\n' })
  await t.proc(async sys => {
    expect(await readall(sys, '/lib/motd')).toBe('hello\n')
    expect(await readall(sys, '/dev/user')).toBe('glenda')
    expect(await readall(sys, '/env/cputype')).toBe('js')
    expect((await readall(sys, '/dev/pid')).trim()).toBe(String(sys.pid))
    await writefile(sys, '/tmp/x', 'abc')
    expect(await readall(sys, '/tmp/x')).toBe('abc')
    expect((await sys.stat('/bin/t1')).name).toBe('t1')
  })
})
