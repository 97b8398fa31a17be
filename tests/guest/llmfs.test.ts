import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { llmfsSuite } from '../conformance/llmfs.ts'
import { guestLlmfs } from './guestllmfs.ts'
import { guestFiles, guestSubject } from './guestsubject.ts'

llmfsSuite('llmfs of /386/bin, in v86', async () => guestSubject(await guestLlmfs(guestFiles(), cpuWorker)))
