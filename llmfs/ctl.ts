import { PlanError } from '../plan9/error.ts'
import { gfmt } from '../plan9/libc/fmt.ts'
import { tokenize } from '../plan9/libc/quote.ts'

/** llmfs(4)'s own error strings. */
export const Enomodel = 'model not loaded'
export const Etoomany = 'too many sessions'
export const Enosession = 'session not found'
export const Egenerating = 'already generating'
export const Ebusy = 'model busy'
export const Ebadcmd = 'unknown control message'
export const Ebadvalue = 'bad value'

/** Sessions at once. */
export const MAXSESSIONS = 16

/** What a session's ctl sets. The defaults are llama2.c's. */
export interface Settings {
  /** 0 is greedy. Used as float32. */
  temp: number
  /** 0..1; 0 and 1 switch top-p off, as in llama2.c. Used as float32. */
  topp: number
  /** 64 bits, unsigned. 0: the clock's at each `generate`. */
  seed: bigint
  /** Positions, the prompt's included; 0, or more than seq_len, is seq_len. */
  steps: number
  /** False: no screening and no speculation, which make the same tokens with less work. */
  shortcuts: boolean
}

export type SessionCommand =
  | { name: 'set'; set: Partial<Settings> }
  | { name: 'generate' }
  | { name: 'stop' }
  | { name: 'reset' }
  | { name: 'close' }

export type RootCommand = { name: 'load'; model: string; tokenizer: string } | { name: 'unload' }

export function fmtSettings(s: Settings): string {
  return `temp ${gfmt(s.temp)}\ntopp ${gfmt(s.topp)}\nseed ${s.seed}\nsteps ${s.steps}\n`
}

/** A decimal number, not negative, that float32 can hold. */
function number(word: string): number {
  if (!/^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(word)) throw new PlanError(Ebadvalue)
  const n = Number(word)
  if (!Number.isFinite(Math.fround(n))) throw new PlanError(Ebadvalue)
  return n
}

function integer(word: string, max: bigint): bigint {
  if (!/^\d{1,30}$/.test(word)) throw new PlanError(Ebadvalue)
  const n = BigInt(word)
  if (n > max) throw new PlanError(Ebadvalue)
  return n
}

/** A number of threads, from a command line. @throws PlanError Ebadvalue */
export function parseThreads(word: string): number {
  const n = Number(integer(word, 1024n))
  if (n === 0) throw new PlanError(Ebadvalue)
  return n
}

function setting(name: string, word: string): Partial<Settings> {
  switch (name) {
    case 'temp':
      return { temp: number(word) }
    case 'shortcuts':
      if (word !== 'on' && word !== 'off') throw new PlanError(Ebadvalue)
      return { shortcuts: word === 'on' }
    case 'topp': {
      const topp = number(word)
      if (topp > 1) throw new PlanError(Ebadvalue)
      return { topp }
    }
    case 'seed':
      return { seed: integer(word, (1n << 64n) - 1n) }
    case 'steps':
      return { steps: Number(integer(word, BigInt(Number.MAX_SAFE_INTEGER))) }
    default:
      throw new PlanError(Ebadcmd)
  }
}

function lines(text: string): string[][] {
  return text
    .split('\n')
    .map(line => tokenize(line))
    .filter(words => words.length > 0)
}

/**
 * Every line of a write to a session's ctl; blank lines are none.
 *
 * @throws PlanError Ebadcmd, Ebadvalue: then nothing of the write is done
 */
export function parseSession(text: string): SessionCommand[] {
  return lines(text).map((words): SessionCommand => {
    const name = words[0]!
    if (name === 'generate' || name === 'stop' || name === 'reset' || name === 'close') {
      if (words.length !== 1) throw new PlanError(Ebadvalue)
      return { name }
    }
    const set = words.length === 2 ? setting(name, words[1]!) : undefined
    if (set) return { name: 'set', set }
    throw new PlanError(['temp', 'topp', 'seed', 'steps', 'shortcuts'].includes(name) ? Ebadvalue : Ebadcmd)
  })
}

/** Every line of a write to the root's ctl, likewise. */
export function parseRoot(text: string): RootCommand[] {
  return lines(text).map((words): RootCommand => {
    if (words[0] === 'unload') {
      if (words.length === 1) return { name: 'unload' }
      throw new PlanError(Ebadvalue)
    }
    if (words[0] !== 'load') throw new PlanError(Ebadcmd)
    const [, model, tokenizer] = words
    if (words.length !== 3 || !model || !tokenizer) throw new PlanError(Ebadvalue)
    return { name: 'load', model, tokenizer }
  })
}
