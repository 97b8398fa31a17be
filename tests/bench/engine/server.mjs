// Serves a directory in a process of its own, so that it takes no time of those who are measured. Prints its address.

import { serve } from '../../../web/serve.mjs'

const { url } = await serve({ dir: process.argv[2] })
console.log(url)
