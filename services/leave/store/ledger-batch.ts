import type { Tx } from '#kit/tx.ts'
import type { Account, Facts } from '../domain/account.ts'
import type { LeaveType, Lot, Policy } from '../domain/model.ts'
import { type AccountRow, lotColumns, readSince, selectAccount, unopened } from './ledger.ts'
import { loadPeople, lockPeople } from './people.ts'
import { loadPolicies, loadSchedules, loadTypes } from './rules.ts'

/** An account with what it is settled by; `isNew`: it is to be opened yet. */
export interface Loaded {
  account: Account
  isNew: boolean
  facts: Facts
}

/** The ids of employees in their order, a page at a time. */
export async function nextEmployees(tx: Tx, after: string | null, limit: number): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    'select id from employee where $1::uuid is null or id > $1 order by id limit $2',
    [after, limit],
    'employees_next',
  )
  return rows.map(({ id }) => id)
}

/** Whether something is due of account `a`, by a day and by what day it is at an instant where the employee works. */
const isDue = `
  a.due_on <= $2::date and a.due_on <= (
    select ($1::timestamptz at time zone t.time_zone)::date from employee_terms t
    where t.tenant = a.tenant and t.employee_id = a.employee_id
    order by t.valid_to > ($1::timestamptz at time zone 'UTC')::date desc, t.valid_from
    limit 1)`

/** Whether something is due of anybody, or somebody has no account yet: there is one for each employee and type. */
export async function isAnythingDue(tx: Tx, now: Date, through: string): Promise<boolean> {
  const typeIds = accruing(await loadPolicies(tx))
  const [row] = await tx.query<{ due: boolean }>(
    `select exists (select from account a where ${isDue})
       or (select count(*) from employee) * cardinality($3::uuid[])
          > (select count(*) from account where type_id = any ($3)) as due`,
    [now, through, typeIds],
    'ledger_is_due',
  )
  return row!.due
}

/** Who of some employees, who follow each other, has something due, or an account to be opened. */
async function peopleDue(
  tx: Tx,
  employees: readonly string[],
  typeIds: readonly string[],
  now: Date,
  through: string,
): Promise<string[]> {
  const rows = await tx.query<{ employeeId: string; typeId: string; isDue: boolean }>(
    `select a.employee_id as "employeeId", a.type_id as "typeId", coalesce(${isDue}, false) as "isDue"
     from account a where a.employee_id between $3 and $4`,
    [now, through, employees[0], employees.at(-1)],
    'accounts_due',
  )
  const byPerson = Map.groupBy(rows, ({ employeeId }) => employeeId)
  return employees.filter((id) => {
    const accounts = byPerson.get(id) ?? []
    return (
      accounts.some(({ isDue }) => isDue) ||
      typeIds.some((typeId) => !accounts.some((account) => account.typeId === typeId))
    )
  })
}

/** Accounts of those of some employees for whom something is due. Locked. */
export async function lockDue(
  tx: Tx,
  employees: readonly string[],
  now: Date,
  through: string,
): Promise<Loaded[]> {
  const typeIds = accruing(await loadPolicies(tx))
  const people = await peopleDue(tx, employees, typeIds, now, through)
  return lockAccounts(tx, people, null, now, isRecent)
}

/** Accounts of some employees, of some leave types or of all of which something accrues. Locked. */
export const lockAll = (
  tx: Tx,
  employees: readonly string[],
  typeIds: readonly string[] | null,
  now: Date,
): Promise<Loaded[]> => lockAccounts(tx, employees, typeIds, now, 'true')

/** To which lots something may be added by what is due: those that are open, or of the time since the last settlement. */
const isRecent = 'l.closed_on is null or l.usable_to >= a.settled_through - 366'

/** Leave types of which something accrues to somebody without being asked for. */
const accruing = (policies: readonly Policy[]): string[] => [
  ...new Set(
    policies
      .filter(({ versions }) => versions.some(({ rules }) => rules.accrual !== null))
      .map(({ typeId }) => typeId),
  ),
]

/** `lots` is a condition on lots `l` of accounts `a`. */
async function lockAccounts(
  tx: Tx,
  people: readonly string[],
  typeIds: readonly string[] | null,
  now: Date,
  lots: string,
): Promise<Loaded[]> {
  if (people.length === 0) return []
  await lockPeople(tx, people)
  const [persons, types, policies, schedules, since] = await Promise.all([
    loadPeople(tx, people),
    loadTypes(tx),
    loadPolicies(tx),
    // Of holidays accrual takes no notice.
    loadSchedules(tx, 'infinity', 'infinity'),
    readSince(tx, now),
  ])
  const typeOf = new Map(types.map((type) => [type.id, type]))
  const factsOf = (employeeId: string, type: LeaveType): Facts => ({
    person: persons.get(employeeId)!,
    type,
    policies,
    schedules,
  })
  const condition = 'a.employee_id = any ($1) and ($2::uuid[] is null or a.type_id = any ($2))'
  const [rows, lotRows] = await Promise.all([
    tx.query<AccountRow>(`${selectAccount} a where ${condition} for no key update`, [people, typeIds]),
    tx.query<Lot & { accountId: string }>(
      `select l.account_id as "accountId", ${lotColumns}
       from account a join lot l on l.tenant = a.tenant and l.account_id = a.id
       where ${condition} and (${lots})`,
      [people, typeIds],
    ),
  ])
  const lotsOf = Map.groupBy(lotRows, ({ accountId }) => accountId)
  const loaded = rows.map((row) => ({
    account: { ...row, lots: (lotsOf.get(row.id) ?? []).map(({ accountId: _, ...lot }) => lot) },
    isNew: false,
    facts: factsOf(row.employeeId, typeOf.get(row.typeId)!),
  }))
  const known = new Set(rows.map(({ employeeId, typeId }) => `${employeeId}/${typeId}`))
  const opened = people.flatMap((id) =>
    (typeIds ?? accruing(policies))
      .filter((typeId) => !known.has(`${id}/${typeId}`))
      .map((typeId) => {
        const facts = factsOf(id, typeOf.get(typeId)!)
        return { account: unopened(facts, since), isNew: true, facts }
      }),
  )
  return [...loaded, ...opened]
}
