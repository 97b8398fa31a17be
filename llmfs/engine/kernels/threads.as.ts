// The threads' way of sharing a phase's work: whoever is free takes the next chunk of the phase at hand, and who does the last one
// opens the next phase. Nobody waits for a thread that has taken nothing: one that gets no core delays no other.
//
// The ticket is 64 bits: the phases' running number, the epoch, above the number of the next chunk. A chunk is taken by raising it
// in a compare and exchange, which also shows that the phase, and so the job, is still the one that was looked at.

const TICKET: usize = 0
const EPOCH: usize = 4
/** Chunks of the phase that are done. */
const DONE: usize = 64
/** Threads asleep, until the epoch changes. */
const SLEEPERS: usize = 128
/** Not 0: a thread failed, or they are to end. */
const FAILED: usize = 192
const QUIT: usize = 196
/** Helpers that have joined. */
const JOINED: usize = 200
/** The epoch of the job's first phase, its phases, and then the job as kernels.as.ts has it. */
const BASE: usize = 256
const PHASES: usize = 260
const JOB: usize = 264
/** The chunk of a ticket when there is no phase at hand. */
const NONE: u64 = 0xffffffff

let common: usize = 0
let many: u32 = 1
let ticket: u64 = 0
/** One thread's own count of phases. */
let count: u32 = 0
/** Rounds to spin before sleeping, some tens of microseconds: longer than a chunk takes, and than a token is mostly drawn in. */
const SPINS: i32 = 50000
/** As many when spinning has mostly been in vain, because there are not cores enough; but every sixteenth time all. */
const FEW: i32 = 1000
/** How often it has been in vain lately: 256 for always. */
let vain: i32 = 0
let times: i32 = 0

/** From now on `threads` threads share the work by way of 512 bytes at `at`, which the first one prepares. */
export function join(at: usize, threads: u32, first: bool): void {
  common = at
  many = threads
  count = 0
  if (first) atomic.store<u64>(common, NONE, TICKET)
  else atomic.add<i32>(common, 1, JOINED)
}

export function threads(): u32 {
  return many
}

/** The number of the next phase where there is but one thread. */
export function alone(): u32 {
  return ++count
}

/** Sets up a job of `phases` phases; returns where it is to be described, before `finish`. */
export function begin(phases: i32): usize {
  ticket = atomic.load<u64>(common, TICKET)
  store<u32>(common, <u32>(ticket >> 32) + 1, BASE)
  store<i32>(common, phases, PHASES)
  return common + JOB
}

/** Opens the job's first phase to all. Returns the epoch at which the job is done. */
export function finish(): u32 {
  const base = load<u32>(common, BASE)
  open(<u64>base << 32)
  return base + load<u32>(common, PHASES)
}

function open(next: u64): void {
  atomic.store<u64>(common, next, TICKET)
  if (atomic.load<i32>(common, SLEEPERS) > 0) atomic.notify(common + EPOCH, -1)
}

/** The epoch that `take` saw, or now. */
export function epoch(): u32 {
  return <u32>(ticket >> 32)
}

/** Looks at the ticket. Returns where the job is described; 0 when there is no phase at hand. */
export function take(): usize {
  ticket = atomic.load<u64>(common, TICKET)
  return (ticket & NONE) == NONE ? 0 : common + JOB
}

/** The number in its job of the phase that `take` saw. */
export function phase(): i32 {
  return <i32>(epoch() - load<u32>(common, BASE))
}

/** Takes a chunk of `chunks`: its number; -1 when another was quicker, -2 when there is none left. */
export function claim(chunks: i32): i32 {
  const next = <i32>(ticket & NONE)
  if (next >= chunks) return -2
  return atomic.cmpxchg<u64>(common, ticket, ticket + 1, TICKET) == ticket ? next : -1
}

/** The chunk taken is done. */
export function done(chunks: i32): void {
  if (atomic.add<i32>(common, 1, DONE) + 1 != chunks) return
  atomic.store<i32>(common, 0, DONE)
  const next = epoch() + 1
  const last = next - load<u32>(common, BASE) == load<u32>(common, PHASES)
  open((<u64>next << 32) | (last ? NONE : 0))
  ticket = <u64>next << 32
}

/**
 * Waits until the epoch is another than `take` saw, or a while: spins where that is of use, then sleeps. Returns false when a
 * thread has failed, and to a helper when it is to end.
 */
export function wait(lead: bool): bool {
  const seen = epoch()
  const idle = (ticket & NONE) == NONE
  const most = idle || vain < 128 || (++times & 15) == 0 ? SPINS : FEW
  for (let i = 0; i < most; i++) {
    if (atomic.load<u32>(common, EPOCH) == seen) continue
    if (!idle) vain -= vain >> 3
    return true
  }
  if (!idle) vain += (256 - vain) >> 3
  if (over(lead)) return false
  atomic.add<i32>(common, 1, SLEEPERS)
  atomic.wait<i32>(common + EPOCH, seen, idle ? 10000000000 : 200000000)
  atomic.sub<i32>(common, 1, SLEEPERS)
  return !over(lead)
}

// @ts-ignore: decorator
@inline
function over(lead: bool): bool {
  return atomic.load<i32>(common, FAILED) != 0 || (!lead && atomic.load<i32>(common, QUIT) != 0)
}

/** Helpers that have joined so far. */
export function joined(): i32 {
  return atomic.load<i32>(common, JOINED)
}

/** A thread cannot go on: those that wait for it learn of it. */
export function fail(): void {
  atomic.store<i32>(common, 1, FAILED)
  atomic.notify(common + EPOCH, -1)
}

/** Helpers return from `help`, now and when they are called again. */
export function quit(): void {
  atomic.store<i32>(common, 1, QUIT)
  atomic.notify(common + EPOCH, -1)
}
