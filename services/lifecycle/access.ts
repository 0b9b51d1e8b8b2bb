import { type Call, callerOf } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { ParsedInputOf } from '#kit/contract.ts'
import type { Database } from '#kit/database.ts'
import { refusals } from '#kit/problem.ts'
import type { Tx } from '#kit/tx.ts'
import { lifecycleContract } from './contract.ts'
import { acrossTenants } from './store.ts'

export const refuse = refusals(lifecycleContract.problems)

type Operations = (typeof lifecycleContract)['operations']
export type Input<K extends keyof Operations> = ParsedInputOf<Operations[K]>

/** Operators work on all tenants, everybody else in the tenant of the token. */
export const isOperator = (call: Call) =>
  callerOf(call).grants.some(({ role, reach }) => role === 'operator' && reach === 'all')

async function widen(tx: Tx): Promise<void> {
  if (isOperator(tx.call)) await acrossTenants(tx)
}

/** Reads what the caller may see. */
export const reading = <T>(database: Database, call: Call, work: (tx: Tx) => Promise<T>) =>
  database.read(call, async (tx) => {
    await widen(tx)
    return work(tx)
  })

/** Runs a command on what the caller may see, once per idempotency key. */
export const commanding = <T>(
  database: Database,
  call: Call,
  input: unknown,
  work: (tx: CommandTx) => Promise<T>,
) =>
  database.command(call, input, async (tx) => {
    await widen(tx)
    return work(tx)
  })
