import { expect, test } from 'vitest'
import { addns, newns, parsens } from './namespace.ts'
import { RFENVG, RFNAMEG } from './sys.ts'
import { boot, errof, ls, readall, writefile } from './testkernel.ts'

test('parsens: commands, flags, quotes and comments', () => {
  expect(parsens('mount -aC /srv/x /n spec')).toEqual({ cmd: 'mount', flags: 'aC', args: ['/srv/x', '/n', 'spec'] })
  expect(parsens("  bind\t-a 'a b' $x/'c'\n")).toEqual({ cmd: 'bind', flags: 'a', args: ["'a b'", "$x/'c'"] })
  expect(parsens('# bind #c /dev')).toBeUndefined()
  expect(parsens('  \t')).toBeUndefined()
  expect(parsens('bind #c /dev')).toEqual({ cmd: 'bind', flags: '', args: ['#c', '/dev'] })
})

const namespace = `# the boot name space
mount -cC #s/boot /root $rootspec
bind -ac $rootdir /
bind #c /dev
bind #d /fd
bind -c #e /env
bind #p /proc
bind -c #s$srvspec /srv
bind /$cputype/bin /bin
mount /srv/nosuch /n
bind /n/$list/x /n/c
bind /no/$user /n
unmount /n
frobnicate
cd /usr/$user
. /lib/namespace.$sysname
`

test('boot obeys /lib/namespace, and passes over what does not work', async () => {
  const t = boot({
    '/lib/namespace': namespace,
    '/lib/namespace.term': "bind '/n/a b' /n/b\n. /lib/namespace.term\n",
    '/n/a b/quoted': '',
    '/n/first/x/f': 'list',
  })
  await t.proc(
    async sys => {
      expect(await ls(sys, '/n/b')).toEqual(['quoted'])
      expect(await readall(sys, '/n/c/f')).toBe('list')
      expect(await readall(sys, '/env/home')).toBe('/usr/glenda')
      expect((await readall(sys, `/proc/${sys.pid}/ns`)).endsWith('cd /usr/glenda\n')).toBe(true)
      const kmesg = await readall(sys, '/dev/kmesg')
      expect(kmesg).toContain("mount /srv/nosuch /n: file does not exist: '/srv/nosuch'\n")
      expect(kmesg).toContain('unmount /n: not mounted\n')
      expect(kmesg).toContain('frobnicate: unknown name space operation\n')
    },
    { env: { list: ['first', 'second'] } },
  )
})

test('newns starts over, addns adds', async () => {
  const t = boot({ '/lib/namespace': namespace, '/lib/more': 'bind /n/a /n/b\nchdev -r p\n', '/n/a/f': 'x' })
  await t.proc(async sys => {
    await sys.rfork(RFNAMEG | RFENVG)
    await addns(sys, '/lib/more')
    expect(await readall(sys, '/n/b/f')).toBe('x')
    expect(await errof(sys.open('#p', 0))).toBe('mount/attach disallowed')
    await writefile(sys, '/env/user', 'someone')
    await newns(sys, 'glenda')
    expect(await errof(sys.stat('/n/b/f'))).toBe("file does not exist: '/n/b/f'")
    expect(await readall(sys, '/env/user')).toBe('glenda')
    expect(await errof(newns(sys, 'glenda', '/nope'))).toBe("file does not exist: '/nope'")
  })
})
