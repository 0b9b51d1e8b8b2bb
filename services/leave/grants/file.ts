import type { Call } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import type { Tx } from '#kit/tx.ts'
import { newLot } from '../domain/account.ts'
import { inUnits } from '../domain/amount.ts'
import { book } from '../domain/settlement.ts'
import { insertReasons } from '../store/balances.ts'
import { employeesByNumber, knownLots } from '../store/grants.ts'
import { lockAll } from '../store/ledger-batch.ts'
import { saveChanges, versionAfter } from '../store/ledger-writes.ts'
import { holdRules, loadClosedThrough, loadTypes } from '../store/rules.ts'
import { type GrantRow, lotIdOf, type RowProblem, readGrants } from './reader.ts'

interface Grant extends GrantRow {
  employeeId: string
  typeId: string
  lotId: string
}

/** Grants the rows of a CSV file that are right, all in one transaction; tells what is wrong with the others. */
export async function grantByFile(database: Database, call: Call, now: Date, dryRun: boolean) {
  const file = new Uint8Array(await new Response(call.body).arrayBuffer())
  const { count, rows, problems } = readGrants(file)
  const answer = (granted: number, unchanged: number, found: readonly RowProblem[]) => ({
    dryRun,
    rows: count,
    granted,
    unchanged,
    errors: [...problems, ...found].sort((a, b) => a.line - b.line),
  })
  if (dryRun)
    return database.read(call, async (tx) => {
      const { grants, unchanged, found } = await checkRows(tx, rows)
      return answer(grants.length, unchanged, found)
    })
  return database.write(call, async (tx) => {
    await holdRules(tx)
    const { grants, unchanged, found } = await checkRows(tx, rows)
    const done = await grantAll(tx, grants, now)
    return answer(done, unchanged + grants.length - done, found)
  })
}

/** What only those who are there show: who is meant, and what was granted before. */
async function checkRows(tx: Tx, rows: readonly GrantRow[]) {
  const [employees, types, closedThrough] = await Promise.all([
    employeesByNumber(tx, [...new Set(rows.map(({ employeeNumber }) => employeeNumber))]),
    loadTypes(tx),
    loadClosedThrough(tx),
  ])
  const typeIds = new Map(types.map(({ code, id }) => [code, id]))
  const found: RowProblem[] = []
  const grants = new Map<string, Grant>()
  for (const row of rows) {
    const ids = employees.get(row.employeeNumber) ?? []
    const typeId = typeIds.get(row.leaveType)
    const fail = (column: string, rule: string, detail: string) =>
      found.push({ line: row.line, column, rule, detail })
    if (ids.length === 0) fail('employeeNumber', 'unknown-employee', 'Nobody has this number')
    if (ids.length > 1) fail('employeeNumber', 'ambiguous-employee', 'More than one person has this number')
    if (typeId === undefined) fail('leaveType', 'unknown-leave-type', 'No leave type has this code')
    const isClosed = closedThrough !== null && row.usableFrom <= closedThrough
    if (isClosed) fail('usableFrom', 'period-closed', `It is closed through ${closedThrough}`)
    if (ids.length !== 1 || typeId === undefined || isClosed) continue
    const employeeId = ids[0]!
    const lotId = lotIdOf(tx.tenant, employeeId, typeId, row)
    const first = grants.get(lotId)
    if (first) fail('employeeNumber', 'duplicate-in-file', `The same stands in line ${first.line} already`)
    else grants.set(lotId, { ...row, employeeId, typeId, lotId })
  }
  const known = await knownLots(tx, [...grants.keys()])
  return {
    grants: [...grants.values()].filter(({ lotId }) => !known.has(lotId)),
    unchanged: known.size,
    found,
  }
}

/** How many were granted: others may have uploaded the same meanwhile. */
async function grantAll(tx: CommandTx, grants: readonly Grant[], now: Date): Promise<number> {
  if (grants.length === 0) return 0
  const people = [...new Set(grants.map(({ employeeId }) => employeeId))]
  const types = [...new Set(grants.map(({ typeId }) => typeId))]
  const accounts = Map.groupBy(await lockAll(tx, people, types, now), ({ account }) => keyOf(account))
  const known = await knownLots(
    tx,
    grants.map(({ lotId }) => lotId),
  )
  const fresh = grants.filter(({ lotId }) => !known.has(lotId))
  const byAccount = Map.groupBy(fresh, keyOf)
  const changes = [...byAccount].map(([key, given]) => {
    const { account, isNew, facts } = accounts.get(key)![0]!
    const lots = given.map(({ lotId, usableFrom, usableTo }) =>
      newLot({ id: lotId, origin: 'grant', usableFrom, usableTo }),
    )
    const drafts = given.map(
      ({ lotId, amount, usableFrom }) => ({ lotId, kind: 'grant', amount, effectiveOn: usableFrom }) as const,
    )
    const booked = book(facts, { ...account, lots: [...account.lots, ...lots] }, drafts)
    return {
      before: account,
      after: { ...booked.account, floor: account.floor },
      entries: booked.entries,
      isNew,
      given,
    }
  })
  const ids = await saveChanges(tx, changes, now)
  const written = changes.flatMap(({ given }) => given)
  await insertReasons(
    tx,
    ids,
    written.map(({ reason }) => reason),
  )
  for (const change of changes) {
    const { id } = change.before
    tx.emit({ kind: 'leave-granted', id, version: versionAfter(change), changed: ['balance'] })
    for (const { amount, usableFrom, usableTo, reason } of change.given) {
      const after = { amount: inUnits(amount), usableFrom, usableTo, reason }
      tx.audit({ object: 'leave-account', id, after })
    }
  }
  return fresh.length
}

const keyOf = ({ employeeId, typeId }: { employeeId: string; typeId: string }) => `${employeeId}/${typeId}`
