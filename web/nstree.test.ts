import { describe, expect, test } from 'vitest'
import { memberfmt, nstree, owner } from './nstree.ts'

const union = (text: string, path: string) =>
  nstree(text)
    .places.find(p => p.path === path)
    ?.union.map(memberfmt)

describe('a name space', () => {
  test('unions are in the order in which names are looked for', () => {
    expect(union('bind /js/bin /bin\nbind -a /rc/bin /bin\nbind -b /mine /bin\n', '/bin')).toEqual([
      '/mine',
      '/js/bin',
      '/rc/bin',
    ])
    expect(union('mount -ac #s/boot /\nbind  / /\n', '/')).toEqual(['/', '#s/boot (create)'])
    expect(union('bind -b /x /a\nbind -a /y /a\nbind  /a /a\n', '/a')).toEqual(['/x', '/a', '/y'])
    expect(union('bind -a /x /a\nbind /y /a\n', '/a')).toEqual(['/y'])
  })

  test('quotes, what was asked for, where the process is, and what is none', () => {
    const t = nstree("mount -c '#s/my srv' '/n/a b' 'it''s'\nnonsense\nbind\n\ncd '/tmp/x y'\n")
    expect(t.dot).toBe('/tmp/x y')
    expect(t.places).toEqual([
      { path: '/n/a b', union: [{ kind: 'mount', from: '#s/my srv', create: true, spec: "it's" }] },
    ])
  })

  test('whose it is', () => {
    const pages = new Set(['3 proc', '4 llmfs'])
    const of = (line: string) => owner(nstree(line).places[0]!.union[0]!, pages)
    expect(of('bind #p /proc')).toEqual({ says: 'the kernel’s device #p: the processes', page: '3 proc' })
    expect(of('bind #z /z')).toEqual({ says: 'the kernel’s device #z' })
    expect(of('mount /srv/llm /mnt/llm')).toEqual({
      says: 'a mount of the server /srv/llm, posted as llm',
      page: '4 llmfs',
    })
    expect(of('mount #s/boot /').says).toBe('a mount of the server #s/boot, posted as boot')
    expect(of('bind /lib /x').says).toContain('the directory /lib')
  })
})
