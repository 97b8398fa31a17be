import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boot } from '../../shell/boot.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { Random } from '../random.ts'

const bin = '/usr/lib/plan9/bin'
const MB = 50

const digits = '0 1 2 3 4 5 6 7 8 9'
/** `body` for each of 10 to the power `depth` combinations of $a, $b ... */
const loop = (depth: number, body: string): string =>
  [...'abcde'.slice(0, depth)]
    .map(name => `for(${name} in ${digits}) `)
    .join('')
    .concat(body, "\nexit ''\n")

/** rc scripts, `BIN` in them the directory of commands. */
const scripts: [string, string][] = [
  ['100,000 built-in tests', loop(5, '~ $a$e [5-9]7 && n=$b')],
  ['100,000 calls of a function', `fn f{x=$1}\n${loop(5, 'f $a')}`],
  ['10,000 substitutions of `{echo}', loop(4, 'x=`{echo $a}').replaceAll('echo', 'BIN/echo')],
  ['10,000 runs of echo', loop(4, 'BIN/echo $a >/dev/null')],
  ['1,000 pipes of three', loop(3, 'BIN/echo $a | BIN/cat | BIN/cat >/dev/null')],
]

/** Filters, each of the whole file. */
const filters: string[][] = [
  ['wc'],
  ['grep', 'zebra'],
  ['grep', '-c', 'th[ei].*[0-9]$'],
  ['sed', 's/the/THE/g'],
  ['sed', '-n', '/zebra/p'],
  ['awk', '{ n += NF } END { print n }'],
  ['awk', '/zebra/ { print $2 }'],
  ['sort'],
  ['sort', '-n', '+1'],
  ['uniq', '-c'],
]

/** Lines of words and numbers, as many as are MB megabytes. */
function text(): Uint8Array {
  const r = new Random(1)
  const rand = (n: number) => r.int(n)
  const words = Array.from({ length: 2000 }, () =>
    Array.from({ length: 2 + rand(9) }, () => String.fromCharCode(97 + rand(26))).join(''),
  )
  words.push('the', 'the', 'the', 'this', 'then', 'zebra')
  let s = ''
  const parts: Uint8Array[] = []
  let size = 0
  while (size < MB << 20) {
    s = ''
    for (let i = 0; i < 1000; i++) {
      const line = Array.from({ length: 3 + rand(10) }, () => words[rand(words.length)]!)
      line.splice(1, 0, String(rand(100000)))
      if (rand(3) === 0) line.push(String(rand(10)))
      s += `${line.join(' ')}\n`
    }
    const b = new TextEncoder().encode(s)
    parts.push(b)
    size += b.length
  }
  return new Uint8Array(Buffer.concat(parts))
}

/** 9base's, or the host's where it has none. */
const peer = (name: string): string => (existsSync(join(bin, name)) ? join(bin, name) : name)

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

/** Seconds, the median of three runs of each, one after the other. */
async function compare(ours: () => Promise<string>, theirs: () => string): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []]
  for (let i = 0; i < 3; i++) {
    let t = performance.now()
    const a = await ours()
    times[0].push((performance.now() - t) / 1000)
    t = performance.now()
    const b = theirs()
    times[1].push((performance.now() - t) / 1000)
    if (a !== '' || b !== '') throw new Error(`ended with '${a}', 9base's with '${b}'`)
  }
  return [median(times[0]), median(times[1])]
}

/**
 * Our rc and filters beside 9base's, a port of Plan 9's own to C, on the same scripts and the same file. Arguments: words;
 * only rows that hold one of them are measured.
 */
export default async function bench({ args }: { args: string[] }): Promise<{ name: string; rows: string[][] }> {
  const only = args.filter(a => !a.startsWith('-'))
  const chosen = (name: string) => only.length === 0 || only.some(w => name.includes(w))
  const dir = mkdtempSync(join(tmpdir(), '9ml-bench-'))
  const machine = boot({ fill: fillRoot, cons: [{ read: async () => new Uint8Array(0), write: () => undefined }] })
  const rows = [['', '9ml, s', '9base, s', '9ml / 9base']]
  const row = async (name: string, ours: () => Promise<string>, theirs: () => string) => {
    const [a, b] = await compare(ours, theirs)
    rows.push([name, a.toFixed(2), b.toFixed(2), (a / b).toFixed(2)])
  }
  const real = (argv: string[]): string => {
    const p = spawnSync(peer(argv[0]!), argv.slice(1), { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] })
    if (p.error) throw p.error
    return p.status === 0 ? '' : String(p.status)
  }
  const status = async (argv: string[]): Promise<string> => {
    const { exited } = await machine.start({ argv, cons: 0, dir: '/tmp', fds: ['/dev/null', '/dev/null', '/dev/null'] })
    return exited
  }
  try {
    for (const [name, script] of scripts) {
      if (!chosen(name)) continue
      machine.tree.add('/tmp/script', script.replaceAll('BIN', '/bin'))
      writeFileSync(join(dir, 'script'), script.replaceAll('BIN', bin))
      await row(
        name,
        () => status(['rc', '/tmp/script']),
        () => real(['rc', join(dir, 'script')]),
      )
    }
    if (filters.some(f => chosen(f.join(' ')))) {
      const bytes = text()
      machine.tree.add('/tmp/text', bytes)
      writeFileSync(join(dir, 'text'), bytes)
    }
    for (const f of filters) {
      if (!chosen(f.join(' '))) continue
      await row(
        `${f.join(' ')}, ${MB} MB${peer(f[0]!) === f[0] ? ', the peer GNU' : ''}`,
        () => status([...f, '/tmp/text']),
        () => real([...f, join(dir, 'text')]),
      )
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return { name: 'rc', rows }
}
