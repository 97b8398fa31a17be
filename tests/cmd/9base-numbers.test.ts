import { describe, expect, it } from 'vitest'
import { Peer, show } from './peer.ts'

const peer = new Peer({})

const commands: string[][] = [
  ['factor', '1', '2', '3', '4', '12', '97', '0', '1001', '65536', '999999999989'],
  ['factor', '9007199254740881'],
  ['factor', '6700417'],
  ['primes', '0', '300'],
  ['primes', '1', '1'],
  ['primes', '2', '2'],
  ['primes', '3', '11'],
  ['primes', '100', '50'],
  ['primes', '229', '233'],
  ['primes', '1000000', '1000400'],
  ['primes', '7', '-1'],
  ['primes', '999999000000', '999999000300'],
  ['primes', '1', '9007199254740993000'],
  ['cal', '1', '2000'],
  ['cal', '2', '1900'],
  ['cal', '2', '2000'],
  ['cal', '2', '1700'],
  ['cal', 'feb', '2024'],
  ['cal', 'september', '1752'],
  ['cal', 'sept', '1999'],
  ['cal', '1'],
  ['cal', 'jun'],
  ['cal'],
  ['cal', '0'],
  ['cal', '13'],
  ['cal', '90'],
  ['cal', 'x'],
  ['cal', '13', '2000'],
  ['cal', '1', '10000'],
  ['cal', '10000'],
  ...[1, 4, 1582, 1751, 1752, 1753, 1800, 1900, 2000, 2026, 9999].map(y => ['cal', String(y)]),
]

describe('as 9base prints it', () => {
  it.each(commands.map(c => [show(c), c] as const))('%s', async (_, cmd) => {
    const theirs = peer.theirs(cmd)
    // Its cal has letters where 9front's has Su and Sa.
    if (cmd[0] === 'cal') theirs.stdout = theirs.stdout.replaceAll(' S  M Tu  W Th  F  S', 'Su  M Tu  W Th  F Sa')
    expect(await peer.ours(cmd)).toEqual(theirs)
  })
  // Without blank lines and with a newline at the end: its lines run together where those are not.
  it.each(['12\n97\n', '7\n0\n9\n', '', '-4\n', 'x\n'])('factor <<%j', async input => {
    expect(await peer.ours(['factor'], input)).toEqual(peer.theirs(['factor'], input))
  })
})
