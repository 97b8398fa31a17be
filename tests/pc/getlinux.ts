import { linux } from './linux.ts'

// Gets what the tests need of Debian's packages for i386, once for all.
linux()
