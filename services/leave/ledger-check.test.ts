import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { log } from '#kit/log.ts'
import { record } from '#kit/telemetry.ts'
import { testCall, until } from '#kit/testing.ts'
import { leaveJobs } from './jobs.ts'
import { checkLedger, countLedgersFromZero } from './ledger-check.ts'
import { type Invariant, invariants } from './store/ledger-check.ts'
import { everything, type Leave, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())
afterEach(() => {
  record(undefined)
  vi.restoreAllMocks()
})

/** What the counter tells from now on, and the lines of the log. */
function watch() {
  const found: Partial<Record<string, number>> = {}
  record({
    start: () => ({ traceparent: '', end() {} }),
    measure() {},
    add(metric, howMany, { 'staffmesh.invariant': invariant = '' }) {
      expect(metric).toBe('staffmesh.ledger.violations')
      found[invariant] = (found[invariant] ?? 0) + howMany
    },
  })
  const errors = vi.spyOn(log, 'error').mockImplementation(() => {})
  return { found, lines: () => errors.mock.calls.map(([line]) => line) }
}

/**
 * Somebody who took leave that was approved, leave that was cancelled and leave that nobody has decided, of 30 days and of
 * what was left of the year before.
 */
async function companyWithLeave() {
  leave.setNow('2025-06-02T09:00:00Z')
  const company = leave.company()
  const { act, hire, type, request, tenant } = company
  const employee = await hire()
  const { id: typeId } = await type({ carryOver: { max: 5 } })
  await request(employee, typeId, '2025-06-10')
  leave.setNow('2026-03-02T09:00:00Z')
  const decide = async (startsOn: string) => {
    const { id: requestId } = await request(employee, typeId, startsOn)
    return act('decideRequest', {
      requestId,
      expectedVersion: 1,
      decision: 'approve',
      scope: everything,
    })
  }
  await decide('2026-03-10')
  const { id: requestId, version } = await decide('2026-03-11')
  await act('cancelRequest', { requestId, expectedVersion: version, scope: everything })
  await request(employee, typeId, '2026-03-12')
  await leave.workOff(tenant)
  const [account] = await leave.db.sudo<{ id: string }>('select id from account where tenant = $1', [tenant])
  return { ...company, accountId: account!.id }
}

/** What no constraint and no trigger lets happen, in the account. */
const corrupt = (accountId: string, statement: string) =>
  leave.db.sudo(
    `begin; set local session_replication_role = replica; ${statement.replaceAll('$account', `'${accountId}'`)}; commit`,
  )

/** As one of the database's roles. */
async function as(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statements)
  await client.end()
}

/** As the clock begins it. */
async function check(tenant: string) {
  await leaveJobs(leave.db.database, leave.clock).jobs['check-ledgers']!(
    { tenant: '' },
    testCall('', { caller: undefined as never }),
  )
  await leave.workOff(tenant)
}

const nothing = Object.fromEntries(invariants.map((invariant) => [invariant, 0]))
const once = (...broken: Invariant[]) =>
  Object.fromEntries(invariants.map((invariant) => [invariant, broken.includes(invariant) ? 1 : 0]))

const lot = `id = (select id from lot where account_id = $account and remaining > 0 order by id limit 1)`
const back = `account_id = $account and kind = 'reversal'`
const days = (state: string) =>
  `request_id in (select id from leave_request where account_id = $account and state = '${state}')`

const corruptions: [what: string, broken: Invariant[], statement: string][] = [
  [
    'a balance that grew by itself',
    ['balance'],
    'update account set balance = balance + 1 where id = $account',
  ],
  [
    'an entry that is gone',
    ['balance', 'lots', 'requests'],
    `delete from entry where ctid = (
       select ctid from entry where account_id = $account and kind = 'reservation' order by number desc limit 1)`,
  ],
  [
    'an entry that was changed',
    ['balance', 'lots'],
    `update entry set amount = amount + 1000 where account_id = $account and kind = 'accrual'
       and effective_on = '2026-01-01'`,
  ],
  ['a floor that was lost', ['floor'], 'update account set floor = null where id = $account'],
  [
    'a balance below its floor',
    ['floor'],
    `alter table account drop constraint account_not_below_floor;
     update account set floor = balance + 1 where id = $account`,
  ],
  ['a lot that grew', ['lots'], `update lot set remaining = remaining + 1 where ${lot}`],
  ['more carried over than there was', ['lots'], `update lot set carried = carried + 1 where ${lot}`],
  [
    'a lot that is over and not empty',
    ['closed-lots'],
    `update lot set closed_on = '2026-01-01' where ${lot}`,
  ],
  [
    'leave that was given back to another grant',
    ['lots', 'reversals'],
    `update entry set lot_id = (select id from lot l where l.account_id = $account and l.id <> entry.lot_id limit 1)
     where ${back}`,
  ],
  [
    'more given back than was taken',
    ['balance', 'lots', 'reversals', 'requests'],
    `update entry set amount = 2000 where ${back}`,
  ],
  [
    'what was given back and never taken',
    ['reversals'],
    `update entry set reverses = gen_random_uuid() where ${back}`,
  ],
  [
    'a day that costs more than was paid',
    ['requests'],
    `update leave_request_day set amount = amount + 1 where ${days('approved')}`,
  ],
  [
    'leave that is taken and was given back',
    ['requests'],
    `update leave_request set state = 'approved' where account_id = $account and state = 'cancelled'`,
  ],
  [
    'leave that was rejected and not given back',
    ['requests'],
    `update leave_request set state = 'rejected' where account_id = $account and state = 'pending'`,
  ],
]

describe('a look at the ledgers', () => {
  it('finds nothing where all is right, and tells 0', async () => {
    const { found, lines } = watch()
    countLedgersFromZero()
    expect(found).toEqual(nothing)
    const { tenant } = await companyWithLeave()
    await check(tenant)
    expect(found).toEqual(nothing)
    expect(lines()).toEqual([])
  })

  it.each(corruptions)('finds %s', async (_, broken, statement) => {
    const { tenant, accountId } = await companyWithLeave()
    await corrupt(accountId, statement)
    const { found, lines } = watch()
    await check(tenant)
    expect(found).toEqual(once(...broken))
    expect(lines()).toEqual(
      broken.map((invariant) => ({ tenant, invariant, found: 1, accounts: [accountId] })),
    )
    await check(tenant)
    expect(found, 'once more').toEqual(
      Object.fromEntries(Object.entries(once(...broken)).map(([name, count]) => [name, 2 * count])),
    )
  })

  it('looks for what the README says, and has a corruption for each', async () => {
    const readme = await readFile(new URL('./README.md', import.meta.url), 'utf8')
    const section = readme.split('\n## Invariants\n')[1]!.split('\n## ')[0]!
    const told = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, invariant]) => invariant)
    expect(told).toEqual(invariants)
    expect([...new Set(corruptions.flatMap(([, broken]) => broken))].sort()).toEqual(invariants.toSorted())
  })

  it('finds nothing any more when sums were written anew as the runbook says', async () => {
    const { tenant, accountId } = await companyWithLeave()
    await corrupt(
      accountId,
      `update account set balance = balance + 1 where id = $account;
       update lot set remaining = remaining + 1, carried = carried + 1 where account_id = $account`,
    )
    const runbook = await readFile(new URL('../../docs/runbooks/LedgerBroken.md', import.meta.url), 'utf8')
    const [look, repair] = [...runbook.matchAll(/```sql\n([^`]+)```/g)].map(([, sql]) =>
      sql!.replaceAll('<account>', accountId).replaceAll('<tenant>', tenant),
    )
    await as(leave.db.urls.owner, `begin; ${look} ${repair} commit`)
    const { found } = watch()
    await check(tenant)
    expect(found).toEqual(nothing)
  })

  it('goes on behind the accounts that it has looked at, in a job of its own', async () => {
    const { tenant, hire, type, act } = leave.company()
    await Promise.all([hire(), hire(), hire()])
    await type()
    await act('startLeaveRun', { scope: everything })
    await leave.workOff(tenant)
    const accounts = await leave.db.sudo<{ id: string }>(
      'update account set balance = balance + 1 where tenant = $1 returning id',
      [tenant],
    )
    const ids = accounts.map(({ id }) => id).sort()
    expect(ids).toHaveLength(3)
    const { found, lines } = watch()
    await checkLedger(leave.db.database, testCall(tenant), null, 2)
    expect(found.balance).toBe(2)
    await leave.workOff(tenant)
    expect(found.balance).toBe(3)
    expect(lines()).toMatchObject([{ accounts: ids.slice(0, 2) }, { accounts: ids.slice(2) }])
  })

  it('takes no notice of a company that is being deleted', async () => {
    const { tenant, accountId } = await companyWithLeave()
    await corrupt(accountId, 'update account set balance = 1 where id = $account')
    await leave.db.sudo('delete from company where tenant = $1', [tenant])
    const { found } = watch()
    await checkLedger(leave.db.database, testCall(tenant), null)
    expect(found).toEqual({})
  })
})

it('is begun in the worker by a job of this name', async () => {
  const { tenant, accountId } = await companyWithLeave()
  await corrupt(accountId, 'update account set balance = 1 where id = $account')
  const { lines } = watch()
  const worker = await leave.startWorker()
  await as(leave.db.urls.worker, `select graphile_worker.add_job('check-ledgers')`)
  await until(() => lines().some((line) => (line as { tenant?: string }).tenant === tenant))
  await worker.stop()
})
