import type { Call } from '#kit/call.ts'
import type { Tx } from '#kit/tx.ts'
import type { Clients } from '../clients.ts'
import type { Kind, ProcessOf, Progress, State } from '../domain/process.ts'

export interface Outcome<K extends Kind> {
  next: State
  progress: Progress<K>
  /** Further writes of the same tenant; in the transaction that records the outcome. */
  save?: (tx: Tx) => Promise<void>
}

export interface StepContext {
  clients: Clients
  /** Carries a job token of the process's tenant, and a key per revision of the process. */
  call: Call
  now: Date
}

/**
 * One bounded step of a process. It may be taken again after a crash at any point of it: what it commands is
 * idempotent, and what it remembers is written at its end, or not at all.
 */
export interface Step<K extends Kind> {
  /** Milliseconds it may take. */
  deadline: number
  /** How many of the kind a worker takes side by side. Each kind has places of its own: a flood of one holds up no other. */
  places: number
  take: (process: ProcessOf<K>, context: StepContext) => Promise<Outcome<K>>
  /** The steps of many processes of one tenant in one go, where that costs less; their outcomes in the same order. */
  together?: {
    most: number
    take: (processes: readonly ProcessOf<K>[], context: StepContext) => Promise<Outcome<K>[]>
  }
}

/**
 * How long a worker alone may work on a process that it has claimed. It outlives the step, so that no other worker takes
 * what may still be running.
 */
export const leaseOf = ({ deadline }: Pick<Step<Kind>, 'deadline'>) => deadline + 2000

export type Steps = { [K in Kind]: Step<K> }
