import { serveEngine } from '../llmfs/worker.ts'
import { useThreads } from './threads.ts'

useThreads()
serveEngine()
