import { expect, test } from 'vitest'
import { serve } from '../plan9/9p/server.ts'
import { pipeTransport, type Transport } from '../plan9/9p/transport.ts'
import { ramfs, Tree } from '../plan9/9p/tree.ts'
import { newnstext } from '../plan9/kernel/namespace.ts'
import { PNGROUP } from '../plan9/kernel/sys.ts'
import { Testcons } from '../plan9/kernel/testkernel.ts'
import { boot, type Machine } from './boot.ts'
import { fillRoot } from './node/root.ts'
import { programs } from './programs.ts'

function service(tree: Tree): Transport {
  const [mine, theirs] = pipeTransport()
  serve(theirs, ramfs(tree))
  return mine
}

function machine(services: Record<string, Transport> = {}): { m: Machine; cons: Testcons } {
  const cons = new Testcons()
  return { m: boot({ fill: fillRoot, cons: [cons], services }), cons }
}

/** What a command prints on a machine. */
async function output({ m, cons }: { m: Machine; cons: Testcons }, command: string): Promise<string> {
  const from = cons.out.length
  const { exited } = await m.start({ argv: ['rc', '-c', command], cons: 0 })
  await exited
  return cons.out.slice(from)
}

test('what ns prints makes the same name space again, from nothing', async () => {
  const at = machine({ other: service(new Tree('glenda')) })
  const failed: string[] = []
  at.m.kernel.programs['again'] = async () => ({
    default: async (sys, argv) => {
      await newnstext(sys, sys.user, argv[1]!, (line, err) => failed.push(`${line}: ${err}`))
      return sys.exec('/bin/rc', ['rc', '-c', argv[2]!])
    },
  })
  at.m.tree.add('/js/bin/again', '#!js again\n', 0o775)
  const places = 'ls / /bin /tmp /n /mnt; cat /tmp/f'
  const made = await output(
    at,
    `cd /; echo x > /tmp/f; bind -b /lib /mnt; bind -a /tmp /mnt; bind /tmp '/usr/glenda/tmp'
mount -c '#s/other' /n/temp; mkdir '/n/temp/a b'; bind '/n/temp/a b' /n/remote
ns > /tmp/ns; {${places}} > /usr/glenda/before`,
  )
  expect(made).toBe('')
  const after = await output(
    at,
    `again \`''{cat /tmp/ns} '{${places}} > /usr/glenda/after; cmp /usr/glenda/before /usr/glenda/after'`,
  )
  expect({ after, failed }).toEqual({ after: '', failed: [] })
})

test('the name space is that of /lib/namespace; a home of the host’s is there, its absence no matter', async () => {
  const alone = await output(machine(), 'pwd; ns')
  expect(alone.split('\n').slice(0, -2)).toEqual([
    '/usr/glenda',
    "mount -cC '#s/boot' /root ",
    "mount -ac '#s/boot' / ",
    'bind  / / ',
    "bind  '#c' /dev ",
    "bind -a '#T' /dev ",
    "bind  '#d' /fd ",
    "bind -c '#e' /env ",
    "bind  '#p' /proc ",
    "bind -c '#s' /srv ",
    'bind  /js/bin /bin ',
    'bind -a /rc/bin /bin ',
  ])
  const home = new Tree('glenda')
  home.add('/note', 'kept\n')
  const kept = await output(machine({ usr: service(home) }), 'pwd; cat note; ls /srv')
  expect(kept).toBe('/usr/glenda\nkept\n/srv/boot\n/srv/usr\n')
})

test('every program is a file that says which', async () => {
  const w = machine()
  expect((await output(w, 'ls -p /js/bin')).trimEnd().split('\n')).toEqual(Object.keys(programs).sort())
  expect(await output(w, 'cat /bin/cat; ls -l /js/bin/cat')).toMatch(
    /^#!js cat\n--rwxrwxr-x M \d+ glenda glenda 9 .* \/js\/bin\/cat\n$/,
  )
  expect(await output(w, 'cp /bin/echo /tmp/say; /tmp/say hi')).toBe('hi\n')
})

test('the environment that it begins with', async () => {
  const vars = ['cputype', 'objtype', 'user', 'home', 'sysname', 'service']
  expect(await output(machine(), `echo ${vars.map(v => `$${v}`).join(' ')}; cat /env/timezone`)).toBe(
    'js js glenda /usr/glenda 9ml terminal\nGMT 0 GMT 0\n',
  )
})

test('directories are there that a repository cannot keep, and /tmp is everybody’s', async () => {
  const out = await output(machine(), 'test -d /mnt/llm -a -d /n/host -a -d /usr/glenda/tmp && echo yes; ls -ld /tmp')
  expect(out).toMatch(/^yes\nd-rwxrwxrwx .* \/tmp\n$/)
})

/** Resolves when the console's output ends with `text`, after `from`. */
async function ends(cons: Testcons, text: string, from = 0): Promise<void> {
  while (cons.out.length <= from || !cons.out.endsWith(text)) await new Promise(resolve => setImmediate(resolve))
}

test('a login shell reads the profile, has the prompt, and can be started again', async () => {
  const { m, cons } = machine()
  const first = await m.startShell(0)
  await ends(cons, 'term% ')
  expect(cons.out).toMatch(/man intro/)
  cons.type('x=1; mkdir /tmp/d; bind /lib /tmp/d; exit over\n')
  expect(await first.exited).toBe('over')
  const from = cons.out.length
  const second = await m.startShell(0)
  await ends(cons, 'term% ', from)
  cons.type('echo $#x; ls /tmp/d /tmp\n')
  await ends(cons, '0\n/tmp/d\nterm% ')
  // Its own note group.
  m.kernel.postnote(PNGROUP, first.pid, 'kill')
  cons.type("exit ''\n")
  expect(await second.exited).toBe('')
})

test('a profile of the user’s own, and the programs of a home', async () => {
  const home = new Tree('glenda')
  home.add('/lib/profile', "bind -a $home/bin/rc /bin\nfn hello { echo hello $* }\nprompt=('9ml; ' '')\n")
  home.add('/bin/rc/mine', '#!/bin/rc\necho mine $*\n', 0o775)
  const { m, cons } = machine({ usr: service(home) })
  const { exited } = await m.startShell(0, { flags: ['-x'] })
  await ends(cons, '9ml; ')
  cons.type('hello you; mine too\n')
  await ends(cons, 'mine too\n9ml; ')
  expect(cons.out).toContain('\nhello you\n')
  expect(cons.out).toContain('echo hello you\n')
  cons.type('exit\n')
  expect(await exited).toBe('')
})
