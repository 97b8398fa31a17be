import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildLinux } from '../../emulator/guest/build.ts'
import { program } from '../guest/linux.ts'
import { embedded } from '../llm/models.ts'
import { initramfs, type Linux, linux } from './linux.ts'

/**
 * The Linux guest of these tests: a shell on ttyS0, the disk, if there is one, on /mnt, our llmfs on TCP port 564 and on
 * request on ttyS1.
 */

const init = (modules: Iterable<string>) => `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin PS1='guest# '
mkdir -p /proc /sys /dev /mnt /tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
stty -echo
for m in ${[...modules].join(' ')}; do insmod /m/$m.ko; done
ifconfig lo 127.0.0.1
ifconfig eth0 up
until udhcpc -q -n -t 3 -T 2 -s /udhcpc eth0 >/dev/null 2>&1; do echo no lease yet; done
nc -ll -p 564 -e /serve &
echo guest is up
while :; do setsid cttyhack sh; done
`

/** What udhcpc calls when it has a lease. */
const udhcpc = `#!/bin/sh
[ "$1" = bound ] || exit 0
ifconfig $interface $ip netmask $subnet
route add default gw $router
echo nameserver $dns >/etc/resolv.conf
`

export interface Guest extends Linux {
  initrd: Uint8Array
}

/** One for the network card of that driver. @throws what is missing */
export async function guest(nic = 'ne2k-pci'): Promise<Guest> {
  await buildLinux(['llmfs'])
  const system = linux()
  const modules = system.modules('ata_piix', 'sd_mod', nic, 'vfat', 'nls_cp437', 'nls_ascii', '9p', '9pnet_fd')
  const script = (data: string) => ({ mode: 0o755, data })
  const lib = (name: string) => ({ data: new Uint8Array(readFileSync(join(embedded, name))) })
  return {
    ...system,
    initrd: initramfs({
      init: script(init(modules.keys())),
      udhcpc: script(udhcpc),
      serve: script('#!/bin/sh\nexec /bin/llmfs -i\n'),
      'etc/resolv.conf': { data: '' },
      'bin/busybox': { mode: 0o755, data: system.busybox },
      'bin/llmfs': { mode: 0o755, data: new Uint8Array(readFileSync(program('386', 'llmfs'))) },
      // Debian's libc6-i386, which gcc-multilib brings.
      ...Object.fromEntries(
        ['ld-linux.so.2', 'libc.so.6', 'libgcc_s.so.1'].map(n => [
          `lib/${n}`,
          { mode: 0o755, data: new Uint8Array(readFileSync(join('/lib32', n))) },
        ]),
      ),
      'lib/llm/stories.bin': lib('stories.bin'),
      'lib/llm/tokenizer.bin': lib('tokenizer.bin'),
      ...Object.fromEntries([...modules].map(([name, data]) => [`m/${name}.ko`, { data }])),
    }),
  }
}
