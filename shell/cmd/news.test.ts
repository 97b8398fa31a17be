import { expect, it } from 'vitest'
import type { Program } from '../../plan9/kernel/sys.ts'
import { type Result, World } from '../../tests/cmd/world.ts'

const reader: Program = async (sys, argv) => {
  const fd = await sys.create('/env/home', 1, 0o666)
  await sys.write(fd, '/usr/glenda')
  await sys.close(fd)
  return sys.exec('/bin/news', argv)
}

/** Items of given ages, and a home. */
function world(): World {
  const w = new World(
    {
      '/lib/news/old': 'long ago\n',
      '/lib/news/new': '\n\nfirst\n\n\n\nsecond\nno newline',
      '/lib/news/empty': '',
      '/lib/news/core': 'dumped',
      '/lib/news/dead.letter': 'dear',
    },
    { reader },
  )
  w.tree.mkdir('/usr/glenda/lib', 0o777)
  w.tree.lookup('/lib/news/old')!.mtime = 1_000_000_000
  w.tree.lookup('/lib/news/new')!.mtime = 1_100_000_000
  return w
}
const news = (w: World, ...args: string[]): Promise<Result> => w.run(['reader', ...args])

const first = '\nnew (glenda) Tue Nov  9 11:33:20 GMT 2004\n\n\tfirst\n\n\tsecond\n\tno newline\n'
const second = '\nold (glenda) Sun Sep  9 01:46:40 GMT 2001\n\n\tlong ago\n'

it('prints what is new since the last reading, latest first, and notes the time', async () => {
  const w = world()
  expect(await news(w, '-n')).toMatchObject({ status: '', stdout: 'news: new old\n' })
  expect(w.tree.lookup('/usr/glenda/lib/newstime')).toBeUndefined()
  expect((await news(w)).stdout).toBe(first + second)
  const noted = w.tree.lookup('/usr/glenda/lib/newstime')!
  expect(noted.mtime).toBeGreaterThan(1_700_000_000)
  expect(await news(w)).toMatchObject({ status: '', stdout: '', stderr: '' })
  expect((await news(w, '-n')).stdout).toBe('')

  noted.mtime = 1_050_000_000
  expect((await news(w, '-n')).stdout).toBe('news: new\n')
  expect((await news(w, '-a')).stdout).toBe(first + second)
  expect((await news(w, '-an')).stdout).toBe('news: new old\n')
  expect(noted.mtime).toBe(1_050_000_000)
  expect((await news(w)).stdout).toBe(first)
  expect(noted.mtime).toBeGreaterThan(1_700_000_000)
})

it('an item that has come in the second of the last reading is not lost', async () => {
  const w = world()
  await news(w)
  w.tree.lookup('/lib/news/old')!.mtime = w.tree.lookup('/usr/glenda/lib/newstime')!.mtime
  expect((await news(w, '-n')).stdout).toBe('news: old\n')
})

it('prints items by name, and says what is wrong', async () => {
  const w = world()
  expect(await news(w, 'old', 'nosuch')).toMatchObject({
    status: '',
    stdout: second,
    stderr: "news: /lib/news/nosuch: file does not exist: '/lib/news/nosuch'\n",
  })
  expect(await news(w, '-s')).toMatchObject({ status: 'usage', stderr: 'news: bad option s\n' })
  expect(await new World().run(['news'])).toMatchObject({
    status: '/lib/news',
    stderr: "news: /lib/news: file does not exist: '/lib'\n",
  })
})
