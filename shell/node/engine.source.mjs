// The engine's thread when the program runs from its sources: a worker does not get the loader of `node --import tsx`.

import { register } from 'tsx/esm/api'

register()
await import('./engine.worker.ts')
