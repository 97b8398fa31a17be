import type { Command, Step } from '../dialogue.ts'
import type { Profile } from '../profile.ts'

/** 9front. */

const S = 1000
const prompt = /^(?:term|cpu)% /m
const disk = '/dev/sdC1/data'

/** What it asks on the way that no plan9.ini answers; Enter takes what it proposes. */
const questions: readonly Step[] = ['bootargs is (', 'user[', 'vgasize is (', 'monitor is (', 'mouseport is ('].map(
  expect => ({
    expect: new RegExp(`${expect.replace(/[[(]/g, '\\$&')}[^\n]*[\\])]:? $`),
    send: '\n',
    within: 300 * S,
    otherwise: '9front has not booted',
    optional: true,
  }),
)

/** The network, the shared disk, and the script that is on it, which is /rc/bin/9mlsetup. */
const setup: readonly Command[] = [
  { say: 'network', run: 'ip/ipconfig', within: 60 * S, optional: true },
  {
    say: 'shared disk',
    run: `test -e /srv/sh || dossrv -f ${disk} sh`,
    within: 30 * S,
  },
  { say: 'mount', run: 'test -e /n/sh/setup || mount -c /srv/sh /n/sh', within: 30 * S },
  { say: 'setup', run: 'rc /n/sh/setup', within: 120 * S, shows: /^9ml: ready/m },
]

/** Without a disk: what a user would type. */
const bare: readonly Command[] = [
  { say: 'network', run: 'ip/ipconfig', within: 60 * S },
  { say: 'names', run: 'test -e /srv/dns || ndb/dns -r', within: 30 * S },
  {
    say: '9P',
    run: "grep -s '!564$' /net/tcp/*/local >[2]/dev/null || aux/listen1 -t 'tcp!*!564' /bin/exportfs -r / &",
    within: 30 * S,
  },
  { say: 'ready', run: 'echo 9ml: ready tcp', within: 30 * S },
]

/** The 386 system of its ISO, as hda, in v86 and without a BIOS: no question is asked. */
export const front: Profile = {
  name: '9front',
  memory: 256 << 20,
  machine: '386',
  // *nomp=1: its kernel finds no multiprocessor table where no BIOS was, and panics.
  ini: `console=0
*nomp=1
cdboot=yes
nobootprompt=local!/dev/sdC0/data
mouseport=ps2
vgasize=text
user=glenda
nora6=1
`,
  kernel: '/386/9pc',
  uart1: true,
  net: true,
  dialogue: [{ expect: prompt, within: 300 * S, otherwise: '9front has not booted' }],
  prompt,
  shell: 'rc',
  disk,
  setup,
  bare,
}

/** By a BIOS: an ISO or an installed disk whose plan9.ini has console=0, of either machine. It may ask. */
export const frontbios: Profile = {
  name: '9front by BIOS',
  memory: 256 << 20,
  machine: '386',
  uart1: true,
  net: true,
  dialogue: [...questions, ...front.dialogue],
  prompt,
  shell: 'rc',
  disk,
  setup,
  bare,
}
