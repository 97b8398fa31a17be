import { parentPort } from 'node:worker_threads'
import { setThreads } from '../../llmfs/engine/threads.ts'
import { serveEngine } from '../../llmfs/worker.ts'
import { endpoint } from './endpoint.ts'
import { threads } from './threads.ts'

setThreads(threads)
serveEngine(endpoint(parentPort!))
