import { concat } from '../9p/bit.ts'
import { DMDIR } from '../9p/const.ts'
import { Onlooker, Records, seenfmt } from '../9p/trace.ts'
import { Eperm, PlanError } from '../error.ts'
import { devattach, devdefaults, devdirread, devopen, devstat, devwalk, dirtab, tabgen } from './dev.ts'
import { type Chan, COPEN, type Dev } from './portdat.ts'
import { Rendez } from './qio.ts'

/** tap(3): the 9P messages of every connection, as they come. */

const Qtrace = 1
const Qdata = 2
const gen = tabgen([
  dirtab('.', 0, (DMDIR | 0o555) >>> 0),
  dirtab('9pdata', Qdata, 0o440),
  dirtab('9ptrace', Qtrace, 0o440),
])

/** An open file: from the open on, nothing is missed. */
class Look {
  readonly more = new Rendez()
  readonly onlooker = new Onlooker(() => this.more.wakeup())
  private readonly text: boolean
  private rest: Uint8Array = new Uint8Array(0)

  constructor(text: boolean) {
    this.text = text
  }

  async read(n: number, signal: AbortSignal): Promise<Uint8Array> {
    while (this.rest.length === 0) {
      const records = this.onlooker.take(n)
      if (!records) await this.more.sleep(signal)
      else this.rest = this.text ? lines(records) : concat(records)
    }
    const b = this.rest.subarray(0, n)
    this.rest = this.rest.subarray(b.length)
    return b
  }
}

const encoder = new TextEncoder()

function lines(records: Uint8Array[]): Uint8Array {
  const all = new Records().push(concat(records))
  return encoder.encode(
    all
      .map(({ conn, at, lost, msg }) => `${lost > 0 ? `# ${lost} lost\n` : ''}${at} ${conn} ${seenfmt(msg)}\n`)
      .join(''),
  )
}

export const tapdev: Dev = {
  ...devdefaults,
  dc: 'T',
  name: 'tap',
  attach: (_up, spec) => devattach(tapdev, spec),
  walk: (up, c, names) => devwalk(up, c, names, gen),
  stat: (up, c) => devstat(up, c, gen),
  open(up, c, omode) {
    const o = devopen(up, c, omode, gen)
    if (c.qid.path !== 0n) c.aux = new Look(Number(c.qid.path) === Qtrace)
    return o
  },
  close(c: Chan) {
    if (c.flag & COPEN && c.qid.path !== 0n) (c.aux as Look).onlooker.close()
  },
  read(up, c, n) {
    if (c.qid.path === 0n) return devdirread(up, c, n, gen)
    return (c.aux as Look).read(n, up.signal)
  },
  write() {
    throw new PlanError(Eperm)
  },
}
