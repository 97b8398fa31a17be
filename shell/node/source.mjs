// The worker that its argument names, NAME.worker.ts, run from its sources: a worker does not get the loader of `node --import tsx`.

import { register } from 'tsx/esm/api'

register()
await import(`./${process.argv[2]}.worker.ts`)
