import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

const data = readFileSync(join(import.meta.dirname, '..', '..', 'plan9', 'root', 'lib', 'units'), 'utf8')
const world = new World({ '/lib/units': data, '/w/own': '/ none\nm\t#\nell\t2 m\nm\t3\nbad\t(ell\n' })

/** What is said to each pair of lines typed. */
async function dialogue(...lines: string[]): Promise<string[]> {
  const { stdout, status } = await world.run(['units'], lines.map(l => `${l}\n`).join(''), '/w')
  expect(status).toBe('')
  expect(stdout.endsWith('you have: \n') || stdout.endsWith('you want: \n')).toBe(true)
  return stdout.split(/you (?:have|want): /).slice(1, -1)
}
const answer = async (have: string, want: string) => (await dialogue(have, want))[1]

test('the file has no errors', async () => {
  expect((await world.run(['units'])).stdout).toBe('you have: \n')
})

test('it tells factors, both ways', async () => {
  expect(await answer('inch', 'cm')).toBe('\t* 2.54\n\t/ 0.393701\n')
  expect(await answer('15 pounds force/in²', 'atm')).toBe('\t* 1.02069\n\t/ 0.97973\n')
  expect(await answer('mile/hour', 'kilometers/hour')).toBe('\t* 1.60934\n\t/ 0.621371\n')
  expect(await answer('microcenturys', 'minutes')).toBe('\t* 52.596\n\t/ 0.0190129\n')
  expect(await answer('2^3 m', '')).toBe('\t* 8 m\n\t/ 0.125 / m\n')
  expect(await answer('newton', '1')).toBe('\t* 1 m kg / sec²\n\t/ 1 sec² / m kg\n')
})

test('juxtaposition binds tighter than a slash, a bar tighter still', async () => {
  expect(await answer('m/2 sec 3', 'm/sec')).toBe('\t* 0.166667\n\t/ 6\n')
  expect(await answer('1|2 m', 'm')).toBe('\t* 0.5\n\t/ 2\n')
  expect(await answer('2×3÷4', '1')).toBe('\t* 1.5\n\t/ 0.666667\n')
  expect(await answer('(2+3-1) m²', 'm^2')).toBe('\t* 4\n\t/ 0.25\n')
  expect(await answer('m²³', 'm')).toBe('\t* 1 m⁵\n\t/ 1 / m⁵\n')
})

test('temperatures are no multiples', async () => {
  expect(await answer('100 °C', '°F')).toBe('\tis 212 °F\n')
  expect(await dialogue('-40 °F')).toEqual(['0: -40 °F\n\tsyntax error, last name: \n'])
  expect(await answer('(0-40) °F', '°C')).toBe('\tis -40 °C\n')
  expect(await answer('°K', 'rankine')).toBe('\t* 1.8\n\t/ 0.555556\n')
})

test('what is wrong is told, and asked for again', async () => {
  expect(await dialogue('foo', 'm+sec', 'm^(1|2)', 'm^m', 'm', 'm)', 'cm')).toEqual([
    '0: foo\n\tundefined foo\n',
    '0: m+sec\n\tadd must be like units\n',
    '0: m^(1|2)\n\texponent not integral\n',
    '0: m^m\n\texponent has units\n',
    '',
    '1: m)\n\tsyntax error, last name: m\n',
    '\t* 100\n\t/ 0.01\n',
  ])
  const { stdout, status } = await world.run(['units', 'nosuch'])
  expect([stdout, status]).toEqual(['cant open: nosuch\n', 'open'])
  expect((await world.run(['units', '-x'])).status).toBe('usage')
})

test('another file, and -v', async () => {
  const { stdout } = await world.run(['units', '-v', 'own'], 'ell\nm\n', '/w')
  expect(stdout).toBe(
    'm\t#\nell\t2 m\n4: m\t3\n\tredefinition of m\n5: bad\t(ell\n\tsyntax error, last name: ell\n' +
      'you have: you want: \t* 0.666667 m\n\t/ 1.5 / m\nyou have: \n',
  )
})
