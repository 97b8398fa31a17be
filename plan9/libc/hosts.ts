import type { ByteStream } from '../9p/framer.ts'

/** Machines that are called by name without a network between: the guests. Each connects to one of its TCP ports. */
export const hosts = new Map<string, (port: number, signal?: AbortSignal) => Promise<ByteStream>>()
