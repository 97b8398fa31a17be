// The server's thread, from its sources: a worker does not get the loader of `node --import tsx`.

import { register } from 'tsx/esm/api'

register()
await import('./9p.worker.ts')
