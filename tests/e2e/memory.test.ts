import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { command, hostDir } from './ml.ts'

const SMALL = 4 << 20
const LARGE = 160 << 20

/** Lines of words, as many as are about n bytes. */
function text(n: number): Buffer {
  const r = new Random(3)
  const word = () => 'abcdefghij'.slice(r.int(5), 5 + r.int(5))
  let block = ''
  while (block.length < 1 << 20) block += `${word()} ${word()} ${r.int(1000)}\n`
  return Buffer.concat(Array.from({ length: Math.ceil(n / block.length) }, () => Buffer.from(block)))
}

/** The most memory, in bytes, that `9ml -c commands` had. */
async function peak(commands: string, cwd: string): Promise<number> {
  const tell = 'data:text/javascript,process.on("exit",()=>process._rawDebug(process.resourceUsage().maxRSS))'
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', tell, command, '-c', commands], { cwd })
  return Number(stderr) * 1024
}

test('what filters need does not grow with their input', async () => {
  const { host } = await hostDir()
  writeFileSync(join(host, 'small'), text(SMALL))
  writeFileSync(join(host, 'large'), text(LARGE))
  const filters = [
    'cat FILE',
    'wc FILE',
    'grep -v j FILE',
    'uniq FILE',
    "awk '{print $2}' FILE",
    'tr a-z A-Z <FILE',
    'tee /dev/null <FILE',
  ]
  for (const f of filters) {
    const small = await peak(`${f.replace('FILE', 'small')} >/dev/null`, host)
    const large = await peak(`${f.replace('FILE', 'large')} >/dev/null`, host)
    expect(small, f).toBeGreaterThan(10e6)
    expect(large - small, f).toBeLessThan(LARGE / 2)
  }
})
