import type { Call } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import type { Clock } from './clock.ts'
import type { Policy } from './domain/model.ts'
import { todayOf } from './domain/person.ts'
import { rateAnew } from './domain/settlement.ts'
import type { RulesChange } from './rules-change.ts'
import { lockAll, nextEmployees } from './store/ledger-batch.ts'
import { saveChanges, versionAfter } from './store/ledger-writes.ts'
import { holdRules, loadPolicies } from './store/rules.ts'

/** A change of rules, or of an employment, by which somebody may be entitled to something else. */
export type EntitlementsChange =
  | Pick<RulesChange, 'cause' | 'policyId' | 'employeeId'>
  | { cause: 'employment'; employeeId: string }

/** Employees of one transaction: others wait for it. */
const batchSize = 2000

/**
 * Brings what accounts have accrued to what it should be by the rules and facts of now; what differs is booked as an
 * adjustment. Done again, nothing is left to do.
 */
export async function rateEntitlementsAnew(
  database: Database,
  call: Call,
  clock: Clock,
  change: EntitlementsChange,
): Promise<void> {
  const typeIds = affected(await database.read(call, loadPolicies), change)
  if (typeIds?.length === 0) return
  const rate = (employees: readonly string[]) =>
    database.write(call, (tx) => rateBatch(tx, employees, typeIds, change, clock()))
  if (change.employeeId) return rate([change.employeeId])
  for (let after: string | null = null; ; ) {
    const employees = await database.read(call, (tx) => nextEmployees(tx, after, batchSize))
    if (employees.length === 0) return
    await rate(employees)
    after = employees.at(-1)!
  }
}

/** Leave types that a change may concern; null: all. */
function affected(policies: readonly Policy[], change: EntitlementsChange): string[] | null {
  switch (change.cause) {
    case 'employment':
      return null
    case 'policy': {
      const changed = policies.find(({ id }) => id === change.policyId)
      return changed ? [changed.typeId] : null
    }
    case 'working-pattern':
      return policies
        .filter(({ versions }) => versions.some(({ rules }) => rules.accrual?.frequency === 'hourly'))
        .map(({ typeId }) => typeId)
    // Accrual goes by what the pattern says, whether it is a holiday or not.
    case 'holidays':
      return []
  }
}

async function rateBatch(
  tx: CommandTx,
  employees: readonly string[],
  typeIds: readonly string[] | null,
  change: EntitlementsChange,
  now: Date,
): Promise<void> {
  await holdRules(tx)
  const loaded = await lockAll(tx, employees, typeIds, now)
  const changes = loaded.map(({ account, isNew, facts }) => {
    const rated = rateAnew(facts, account, todayOf(facts.person, now), `${change.cause}-changed`)
    return { before: account, after: rated.account, entries: rated.entries, isNew }
  })
  await saveChanges(tx, changes, now)
  for (const change of changes)
    if (change.entries.some(({ kind }) => kind === 'adjustment')) {
      const version = versionAfter(change)
      tx.emit({ kind: 'balance-adjusted', id: change.before.id, version, changed: ['balance'] })
    }
}
