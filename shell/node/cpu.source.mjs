// As engine.source.mjs, for cpu.worker.ts.

import { register } from 'tsx/esm/api'

register()
await import('./cpu.worker.ts')
