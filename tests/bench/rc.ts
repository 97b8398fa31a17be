import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildNode } from '../build.mjs'
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
  ['1,000,000 built-in tests', `for(z in ${digits}) ${loop(5, '~ $a$e [5-9]7 && n=$b')}`],
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

/** Seconds of a command, which must end well. */
function seconds(file: string, argv: string[], cwd: string): number {
  const t = performance.now()
  const p = spawnSync(file, argv, { cwd, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (p.error) throw p.error
  if (p.status !== 0) throw new Error(`${[file, ...argv].join(' ')}: ${p.stderr}`)
  return (performance.now() - t) / 1000
}

/**
 * Our rc and filters, by `9ml`, beside 9base's, a port of Plan 9's own to C, on the same scripts and the same file: as
 * long as they take besides starting rc. Arguments: words; only rows that hold one of them are measured.
 */
export default async function bench({ args }: { args: string[] }): Promise<{ name: string; rows: string[][] }> {
  const only = args.filter(a => !a.startsWith('-'))
  const chosen = (name: string) => only.length === 0 || only.some(w => name.includes(w))
  await buildNode()
  const dir = mkdtempSync(join(tmpdir(), '9ml-bench-'))
  const rows = [['', '9ml, s', '9base, s', '9ml / 9base']]
  const script = (text: string, bin: string): string[] => {
    writeFileSync(join(dir, 'script'), text.replaceAll('BIN', bin))
    return [join(dir, 'script')]
  }
  const ours = (args: string[]) =>
    seconds(process.execPath, [join(import.meta.dirname, '../../dist/9ml.js'), ...args], dir)
  const theirs = (args: string[]) => seconds(join(bin, 'rc'), args, dir)
  try {
    const idle = [
      median([1, 2, 3].map(() => ours(['-c', '']))),
      median([1, 2, 3].map(() => theirs(['-c', '']))),
    ] as const
    const row = (name: string, a: () => number, b: () => number) => {
      const times: [number[], number[]] = [[], []]
      for (let i = 0; i < 3; i++) {
        times[0].push(a())
        times[1].push(b())
      }
      const [x, y] = [median(times[0]) - idle[0], median(times[1]) - idle[1]]
      rows.push([name, x.toFixed(2), y.toFixed(2), (x / y).toFixed(2)])
    }
    for (const [name, text] of scripts)
      if (chosen(name))
        row(
          name,
          () => ours(script(text, '/bin')),
          () => theirs(script(text, bin)),
        )
    const chosenFilters = filters.filter(f => chosen(f.join(' ')))
    if (chosenFilters.length > 0) writeFileSync(join(dir, 'text'), text())
    for (const f of chosenFilters) {
      const file = peer(f[0]!)
      const quoted = f.map(a => (/^[\w-]+$/.test(a) ? a : `'${a.replaceAll("'", "''")}'`))
      row(
        `${f.join(' ')}, ${MB} MB${file === f[0] ? ', the peer GNU' : ''}`,
        () => ours(['-c', [...quoted, 'text >/dev/null'].join(' ')]),
        () => seconds(file, [...f.slice(1), 'text'], dir),
      )
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return { name: 'rc', rows }
}
