import { errstr, PlanError } from '../../plan9/error.ts'
import type { Blocks } from '../disk/blocks.ts'
import { Iso, type IsoFile } from '../disk/iso9660.ts'
import type { Dialogue } from './dialogue.ts'

/** 9front as it is distributed: an ISO for 386, started without a BIOS. */

/** Bytes: less leaves no room for a model of 60 MB. */
export const MEMORY = 256 << 20
/** Reaches a prompt on the serial line without a question. */
export const ini = `console=0
*nomp=1
cdboot=yes
nobootprompt=local!/dev/sdC0/data
mouseport=ps2
vgasize=text
user=glenda
nora6=1
`
/** A stripped kernel's multiboot header asks for what is behind the file's end, up to a page. */
const PAD = 8192
/** A kernel that is larger does not fit its own first page tables. */
const MAXKERNEL = 16 << 20
/** Milliseconds that a busy machine may take. */
const BOOT = 5 * 60_000
const COMMAND = 60_000

export const prompt = /^(term|cpu)% $/m

async function find(iso: Iso, path: string): Promise<IsoFile | undefined> {
  let at: IsoFile | undefined = iso.root
  for (const name of path.split('/')) {
    const files: IsoFile[] = at ? await iso.readdir(at) : []
    at = files.find(f => f.name.toLowerCase() === name)
  }
  return at
}

/** The kernel of an image, to be given to `multiboot`. @throws PlanError what the image is instead */
export async function kernel(image: Blocks): Promise<Uint8Array> {
  let iso: Iso
  try {
    iso = await Iso.open(image)
  } catch (e) {
    throw new PlanError(`not an ISO of 9front: ${errstr(e)}`)
  }
  const file = await find(iso, '386/9pc')
  if (!file) {
    if (await find(iso, 'amd64/9pc64')) throw new PlanError('image is for amd64: v86 has no 64-bit mode; QEMU runs it')
    throw new PlanError('not an ISO of 9front: no /386/9pc')
  }
  if (file.length > MAXKERNEL) throw new PlanError('kernel is too large')
  const out = new Uint8Array(file.length + PAD)
  out.set(await iso.read(file, 0, file.length))
  return out
}

/** From power on to the prompt. @throws PlanError */
export async function boot(d: Dialogue, signal?: AbortSignal): Promise<void> {
  await d.expect(prompt, BOOT, '9front has not come to its prompt', signal)
}

/**
 * At the prompt: the network, 9P for who calls port 564, and names by our DNS. Each of them is a command that a user would
 * type.
 *
 * @throws PlanError the command that failed, and what it said
 */
export async function setup(d: Dialogue, signal?: AbortSignal): Promise<void> {
  const run = async (line: string) => {
    const out = await d.command(`${line}; echo 'status:'$status`, prompt, COMMAND, signal)
    const status = /^status:(.*)$/m.exec(out)
    if (!status) throw new PlanError(`${line}: no answer`)
    if (status[1] !== '') throw new PlanError(`${line}: ${out.slice(0, status.index).trim() || status[1]}`)
  }
  await d.command('', prompt, COMMAND, signal)
  await run('ip/ipconfig')
  await run('test -e /srv/dns || ndb/dns -r')
  await run("aux/listen1 -t 'tcp!*!564' /bin/exportfs -r / &")
}
