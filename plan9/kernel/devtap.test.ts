import { expect, test } from 'vitest'
import { OREAD, OWRITE } from '../9p/const.ts'
import { tap } from '../9p/tap.ts'
import { text } from '../libc/rune.ts'
import { boot } from './testkernel.ts'

test('#T/9ptrace has the messages of others as lines, while it is open', () =>
  boot().proc(async sys => {
    expect(tap.see).toBeUndefined()
    const fd = await sys.open('#T/9ptrace', OREAD)
    await sys.stat('/tmp')
    let lines = ''
    while (!/Rstat/.test(lines)) lines += text(await sys.read(fd, 100))
    expect(lines).toMatch(/^\d{16} \S+ Twalk tag \d+ fid \d+ newfid \d+ nwname 1 tmp$/m)
    await sys.close(fd)
    expect(tap.see).toBeUndefined()
    await expect(sys.open('#T/9pdata', OWRITE)).rejects.toThrow('permission denied')
  }))

test('a read that waits is interrupted', () =>
  boot().proc(async sys => {
    sys.notify(() => true)
    const fd = await sys.open('#T/9pdata', OREAD)
    sys.alarm(20)
    await expect(sys.read(fd, 100)).rejects.toThrow('interrupted')
    await sys.close(fd)
  }))
