import { help, type ThreadInit } from '../llmfs/engine/threads.ts'

addEventListener('message', ({ data }: MessageEvent<ThreadInit>) => {
  help(data)
  close()
})
