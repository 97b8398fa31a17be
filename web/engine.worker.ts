import { serveEngine } from '../llmfs/worker.ts'

serveEngine()
