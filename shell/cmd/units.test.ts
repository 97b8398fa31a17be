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
    '0: m+sec\n\tadd must be like units\n'.repeat(2),
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

test('arithmetic that does not come out is told as 9front tells it, and shown as 1 or 0', async () => {
  expect(await dialogue('m/0', '1/(m-m)', '1e300 1e300', '1e-300 1e-300', '1e300/1e-300', '1e-300/1e300')).toEqual([
    '0: m/0\n\tdivision by zero\n',
    '0: 1/(m-m)\n\tdivision by zero\n',
    '0: 1e300 1e300\n\toverflow in multiply\n',
    '0: 1e-300 1e-300\n\tunderflow in multiply\n',
    '0: 1e300/1e-300\n\toverflow in divide\n',
    '0: 1e-300/1e300\n\tunderflow in divide\n',
  ])
  expect(await answer('0 m', 'sec')).toBe('\t* 0 m / sec\n1: sec\n\tdivision by zero\n\t/ 1 sec / m\n')
  expect(await answer('10^300', '1')).toBe('\t* 1e+300\n\t/ 1e-300\n')
  expect(await dialogue('10^700', '(1|10)^700', '2^(0-1100)', '1^2000000000 m')).toEqual([
    '0: 10^700\n\toverflow in multiply\n0: 10^700\n\toverflow in multiply\n',
    '0: (1|10)^700\n\tunderflow in multiply\n',
    '0: 2^(0-1100)\n\tunderflow in divide\n',
    '',
  ])
  const { stdout, status } = await world.run(['units'], '0^(0-7)\nm\n')
  expect([stdout.match(/division by zero/g)?.length, stdout.endsWith('too many errors\n'), status]).toEqual([
    6,
    true,
    'errors',
  ])
})

test('of a line 999 runes are read, however long it is', async () => {
  const long = 'é'.repeat(5000)
  expect(await dialogue(`1${' '.repeat(998)}m`, 'm', '1')).toEqual(['', '\t* 1 / m\n\t/ 1 m\n', ''])
  const [said] = await dialogue(long)
  expect(said).toBe(`0: ${'é'.repeat(999)}\n\tundefined ${'é'.repeat(39)}\n`)
})

test('units and constants by their standards', async () => {
  const cases: [have: string, want: string, factor: string][] = [
    ['poise', 'pascal sec', '0.1'],
    ['oersted', 'amp/m', '79.5775'],
    ['statcoulomb', 'coulomb', '3.33564e-10'],
    ['katal', 'mole/sec', '1'],
    ['lightsecond', 'km', '299792'],
    ['stokes', 'cm²/sec', '1'],
    ['gauss', 'tesla', '0.0001'],
    ['acre', '43560 foot²', '1'],
    ['gallon', '231 inch³', '1'],
    ['bushel', '2150.42 inch³', '1'],
    ['mile', '5280 feet', '1'],
    ['pound', '7000 grain', '1'],
    ['slug', 'pound force sec²/foot', '1'],
    ['poundal', 'pound foot/sec²', '1'],
    ['troypound', '12 troyounce', '1'],
    ['cord', '128 foot³', '1'],
    ['parsec', 'lightyear', '3.26156'],
    ['faraday', 'e mole', '1'],
    ['sunmass', 'kg', '1.98841e+30'],
    ['earthmass', 'kg', '5.97217e+24'],
    ['rydberg', 'ev', '13.6057'],
    ['alpha', 'e²/2 epsilon0 h c', '1'],
    ['bohrmagneton', 'e hbar/2 electronmass', '1'],
    ['stefan', 'pi² boltzmann^4/60 hbar³ c²', '1'],
    ['hartree', 'alpha² electronmass c²', '1'],
    ['bohrradius', 'hbar/electronmass c alpha', '1'],
  ]
  const said = await dialogue(...cases.flatMap(c => c.slice(0, 2)))
  expect(cases.map(([have, want], i) => [have, want, /^\t\* (.*)/.exec(said[2 * i + 1]!)?.[1]])).toEqual(cases)
  expect(await answer('100 degC', 'degF')).toBe('\tis 212 °F\n')
})

test('another file, and -v', async () => {
  const { stdout } = await world.run(['units', '-v', 'own'], 'ell\nm\n', '/w')
  expect(stdout).toBe(
    'm\t#\nell\t2 m\n4: m\t3\n\tredefinition of m\n5: bad\t(ell\n\tsyntax error, last name: ell\n' +
      'you have: you want: \t* 0.666667 m\n\t/ 1.5 / m\nyou have: \n',
  )
})
