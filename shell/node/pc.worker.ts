import { parentPort } from 'node:worker_threads'
import type { Emulator } from '../../emulator/pc/v86.ts'
import { servePc } from '../../emulator/pc/worker.ts'
import { parts } from './v86.ts'

const port = parentPort!
servePc({ postMessage: up => port.postMessage(up), onmessage: f => void port.on('message', f) }, parts<Emulator>)
