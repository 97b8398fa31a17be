import { parentPort } from 'node:worker_threads'
import { serveEngine } from '../../llmfs/worker.ts'
import { endpoint } from './endpoint.ts'

serveEngine(endpoint(parentPort!))
