import { workerData } from 'node:worker_threads'
import { help, type ThreadInit } from '../../llmfs/engine/threads.ts'

help(workerData as ThreadInit)
