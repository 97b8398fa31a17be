import { width } from './escape.ts'

interface Column {
  align: 'l' | 'r' | 'c' | 'n'
}

/** tbl(1) for text: columns by their widest item, no boxes. Returns the lines. */
export function table(source: string[], expand: (s: string) => string, ll: number): string[] {
  let tab = '\t'
  let i = 0
  if (/;\s*$/.test(source[0] ?? '')) {
    const m = /tab\s*\((.)\)/.exec(source[0]!)
    if (m) tab = m[1]!
    i++
  }
  const formats: Column[][] = []
  const readFormats = () => {
    formats.length = 0
    for (; i < source.length; i++) {
      const line = source[i]!
      for (const row of line.replace(/\.\s*$/, '').split(',')) {
        const cols: Column[] = []
        // A key letter, then its modifiers: f with a font, w with a width, numbers of space.
        for (const m of row.matchAll(
          /([lrcnasLRCNAS])((?:[fF]\(?\w{1,2}|[wW]\([^)]*\)|[\d.|\sbBiIeEpPvVtTuUzZ^])*)/g,
        )) {
          const k = m[1]!.toLowerCase()
          cols.push({ align: k === 'r' || k === 'c' || k === 'n' ? k : 'l' })
        }
        if (cols.length > 0) formats.push(cols)
      }
      if (/\.\s*$/.test(line)) {
        i++
        return
      }
    }
  }
  readFormats()
  const rows: (string[] | string)[] = []
  for (; i < source.length; i++) {
    let line = source[i]!
    if (/^\.T&/.test(line)) {
      i++
      readFormats()
      i--
      continue
    }
    if (/^[.']/.test(line) && !/^\.\d/.test(line)) {
      if (line.startsWith('.sp')) rows.push('')
      continue
    }
    if (/^[_=]$/.test(line.trim())) {
      rows.push(line.trim())
      continue
    }
    // A block of text between T{ and T} is one item.
    while (/T\{\s*$/.test(line)) {
      let block = ''
      for (i++; i < source.length && !source[i]!.startsWith('T}'); i++)
        if (!/^[.']/.test(source[i]!)) block += ` ${source[i]}`
      line = line.replace(/T\{\s*$/, '') + block.trim() + (source[i] ?? '').slice(2)
    }
    rows.push(line.split(tab).map(c => (/^\\?[_=]$/.test(c) ? '' : expand(c).trim())))
  }
  const widths: number[] = []
  for (const r of rows)
    if (typeof r !== 'string')
      for (const [k, c] of r.entries())
        widths[k] = r.length === 1 ? (widths[k] ?? 0) : Math.max(widths[k] ?? 0, width(c))
  const total = widths.reduce((a, b) => a + b, 0)
  const gap = total + 3 * Math.max(widths.length - 1, 0) <= ll ? 3 : 1
  const out: string[] = []
  rows.forEach((r, n) => {
    if (typeof r === 'string') {
      if (r === '') out.push('')
      else out.push('-'.repeat(Math.min(total + gap * Math.max(widths.length - 1, 0), ll)))
      return
    }
    const f = formats[Math.min(n, formats.length - 1)] ?? []
    const cells = r.map((c, k) => {
      const pad = Math.max((widths[k] ?? 0) - width(c), 0)
      const align = r.length === 1 ? 'l' : (f[k]?.align ?? 'l')
      if (align === 'r' || align === 'n') return ' '.repeat(pad) + c
      if (align === 'c') return ' '.repeat(pad >> 1) + c + ' '.repeat(pad - (pad >> 1))
      return c + ' '.repeat(pad)
    })
    out.push(cells.join(' '.repeat(gap)).replaceAll('\u00a0', ' ').trimEnd())
  })
  return out
}
