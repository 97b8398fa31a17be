// As engine.source.mjs, for thread.worker.ts.

import { register } from 'tsx/esm/api'

register()
await import('./thread.worker.ts')
