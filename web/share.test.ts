import { expect, test } from 'vitest'
import { added, layoutIn, layoutParam, params } from './share.ts'

test('an arrangement in an address', () => {
  for (const a of [{ main: ['console'] }, { main: ['console', 'compare'], side: 'lessons' }])
    expect(layoutIn(`#lesson=bind.2&layout=${layoutParam(a)}`)).toEqual(a)
  for (const bad of ['', '#', '#layout=', '#lesson=x']) expect(layoutIn(bad)).toBeUndefined()
  expect(params('#prompt=a%26b+c').get('prompt')).toBe('a&b c')
})

test('what was bound since', () => {
  expect(added('bind #c /dev\ncd /\n', 'bind #c /dev\nbind -a /lib /tmp/x\ncd /tmp\n')).toEqual(['bind -a /lib /tmp/x'])
})
