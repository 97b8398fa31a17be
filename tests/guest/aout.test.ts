import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { crackhdr, symbols } from '../../plan9/libc/aout.ts'
import { rc } from '../e2e/ml.ts'

const root = join(import.meta.dirname, '..', '..', 'plan9', 'root')
const kept = (['386', 'amd64'] as const).flatMap(arch =>
  readdirSync(join(root, arch, 'bin')).map(name => [arch, name] as const),
)

describe.each(kept)('/%s/bin/%s', (arch, name) => {
  const b = readFileSync(join(root, arch, 'bin', name))
  const h = crackhdr(b)!

  test('its header is whole, and its symbols are where it says', () => {
    expect(h.machine.name).toBe(arch)
    expect(b.length).toBe(h.hdrsz + h.text + h.data + h.syms)
    const all = [...symbols(b.subarray(h.symoff, h.symoff + h.syms), h)]
    const value = (n: string) => Number(all.find(s => s.name === n)!.value)
    expect(BigInt(value('_main'))).toBe(h.entry)
    expect(value('etext')).toBe(h.txtaddr + h.text)
    expect(value('end')).toBe(h.dataaddr + h.data + h.bss)
    for (const s of all) {
      const at = Number(s.value)
      if (s.type === 'T' || s.type === 't') expect(at >= h.txtaddr && at <= h.txtaddr + h.text, s.name).toBe(true)
      if (s.type === 'D' || s.type === 'd')
        expect(at >= h.txtaddr && at <= h.dataaddr + h.data + h.bss, s.name).toBe(true)
    }
    expect(new Set(all.map(s => s.type))).toEqual(new Set(['T', 't', 'D', 'd', 'B', 'b']))
  })
})

test('file, size, nm and strings of the userland know them', async () => {
  expect(kept.map(([, name]) => name)).toContain('run')
  const { out, err } = await rc(
    'for(f in /386/bin/run /amd64/bin/run){ file $f; size $f; nm $f | grep ssedot16; strings $f | grep tok/s }',
  )
  expect(err).toBe('')
  // sizes and addresses change with the sources
  expect(out.replace(/\d{4,}/g, 'N').replace(/\b[\da-f]{4,} T/g, 'N T')).toMatchInlineSnapshot(`
    "/386/bin/run: 386 plan 9 executable
    Nt + Nd + Nb = N	/386/bin/run
        N T ssedot16
       N: achieved tok/s: %f
    /amd64/bin/run: amd64 plan 9 executable
    Nt + Nd + Nb = N	/amd64/bin/run
      N T ssedot16
       N: achieved tok/s: %f
    "
  `)
})
