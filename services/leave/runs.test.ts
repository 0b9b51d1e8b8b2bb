import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCall, until } from '#kit/testing.ts'
import { settleCompanies, settleCompany } from './runs.ts'
import { everything, type Leave, problem, startLeave } from './testing.ts'

let leave: Leave
const workers: ChildProcess[] = []
beforeAll(async () => {
  leave = await startLeave('2026-03-02T09:00:00Z')
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => kill(worker)))
  await leave.close()
})

/** The worker as it is deployed: a process of its own. Its clock is the system's. */
function startWorker(): ChildProcess {
  const { app, worker } = leave.db.urls
  const child = spawn(process.execPath, [fileURLToPath(new URL('./main.ts', import.meta.url)), 'worker'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      IDENTITY_HEADERS: 'loopback',
      LEAVE_NOW: '2026-03-02T09:00:00Z',
      DATABASE_URL: app,
      QUEUE_DATABASE_URL: worker,
    },
  })
  workers.push(child)
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Many people at once, as if lifecycle had told of them. */
async function hireMany(tenant: string, count: number): Promise<void> {
  await leave.db.sudo(
    `with e as (
       insert into employee (tenant, id, number, source_version)
       select $1, gen_random_uuid(), n, 1 from generate_series(1, $2) n returning id),
     m as (
       insert into employment (tenant, employee_id, joins_on) select $1, id, '2020-01-01' from e)
     insert into employee_terms (tenant, employee_id, valid_from, valid_to, time_zone, employment_type, fte)
     select $1, id, '2020-01-01', 'infinity', 'Europe/Berlin', 'permanent', 1 from e`,
    [tenant, count],
  )
  await leave.db.sudo(`insert into company values ($1, '2026-03-01') on conflict do nothing`, [tenant])
}

/** What the ledger of a company holds, and whether its sums are right. */
async function ledgerOf(tenant: string) {
  const [found] = await leave.db.sudo<{
    accounts: number
    entries: number
    sum: number
    balances: number
    off: number
  }>(
    `select (select count(*)::int from account where tenant = $1) as accounts,
       (select count(*)::int from entry where tenant = $1) as entries,
       (select coalesce(sum(amount), 0)::int from entry where tenant = $1) as sum,
       (select coalesce(sum(balance), 0)::int from account where tenant = $1) as balances,
       (select count(*)::int
        from lot l left join (select lot_id, sum(amount) as sum from entry where tenant = $1 group by lot_id) e
          on e.lot_id = l.id
        where l.tenant = $1 and l.remaining <> coalesce(e.sum, 0)) as off`,
    [tenant],
  )
  return found!
}

const monthly = { accrual: { amount: 24, frequency: 'monthly' } } as const

describe('a run', () => {
  it('books what is due of everybody once, and says how far it is', async () => {
    const { act, hire, type, tenant } = leave.company()
    await Promise.all([hire(), hire(), hire({ joinsOn: '2026-02-15' })])
    await type(monthly)
    const run = await act('startLeaveRun', { scope: everything })
    expect(run).toMatchObject({
      state: 'queued',
      progress: { employees: 0, total: 3, entries: 0, failed: 0 },
    })
    const call = testCall(tenant)
    await settleCompany(leave.db.database, call, leave.clock, run.id)
    expect(await act('getLeaveRun', { runId: run.id, scope: everything })).toMatchObject({
      state: 'done',
      progress: { employees: 3, total: 3, entries: 8, failed: 0 },
    })
    // 2 * 3 months for two, a month and half of one for the third
    expect(await ledgerOf(tenant)).toEqual({ accounts: 3, entries: 8, sum: 15_000, balances: 15_000, off: 0 })
    const again = await act('startLeaveRun', { scope: everything })
    await settleCompany(leave.db.database, call, leave.clock, again.id)
    expect((await act('getLeaveRun', { runId: again.id, scope: everything })).progress.entries).toBe(0)
    const { items } = await act('listLeaveRuns', { scope: everything })
    expect(items.map(({ id }) => id)).toEqual([again.id, run.id])
  })

  it('is refused while another is under way, and for days to come', async () => {
    const { act, send } = leave.company()
    await act('startLeaveRun', { scope: everything })
    expect(await send('startLeaveRun', { scope: everything })).toMatchObject(problem(409, 'leave-run-state'))
    expect(await send('startLeaveRun', { through: '2026-03-04', scope: everything })).toMatchObject({
      ...problem(422, 'invalid-input'),
      body: { errors: [{ pointer: '/through', rule: 'not-in-future' }] },
    })
  })

  it('is for HR, who reach all', async () => {
    const { hire, send, as } = leave.company()
    const manager = await hire()
    const scope = { reach: 'reports', employeeId: manager } as const
    const answer = await send('startLeaveRun', { scope }, as(manager, 'manager:reports'))
    expect(answer).toMatchObject(problem(403, 'forbidden'))
  })

  it('books by the day where somebody works', async () => {
    const { act, hire, type, tenant } = leave.company()
    await hire({ terms: { timeZone: 'Pacific/Kiritimati' } })
    await hire({ terms: { timeZone: 'Pacific/Honolulu' } })
    await type({ accrual: { amount: 24, frequency: 'daily' } })
    leave.setNow('2026-03-02T11:00:00Z')
    const { id } = await act('startLeaveRun', { scope: everything })
    await settleCompany(leave.db.database, testCall(tenant), leave.clock, id)
    leave.setNow('2026-03-02T09:00:00Z')
    const days = await leave.db.sudo<{ last: string }>(
      `select max(effective_on)::text as last from entry where tenant = $1 group by account_id order by 1`,
      [tenant],
    )
    expect(days.map(({ last }) => last)).toEqual(['2026-03-02', '2026-03-03'])
  })

  it('starts by itself in companies where something is due, and only there', async () => {
    const [due, idle] = [leave.company(), leave.company()]
    await due.hire()
    await due.type(monthly)
    await idle.hire()
    await settleCompanies(
      leave.db.database,
      testCall(due.tenant, { caller: undefined as never }),
      leave.clock,
    )
    const runs = await due.act('listLeaveRuns', { scope: everything })
    expect(runs.items).toMatchObject([{ state: 'queued' }])
    expect((await idle.act('listLeaveRuns', { scope: everything })).items).toEqual([])
    await settleCompany(leave.db.database, testCall(due.tenant), leave.clock, runs.items[0]!.id)
    await settleCompanies(leave.db.database, testCall(due.tenant), leave.clock)
    expect((await due.act('listLeaveRuns', { scope: everything })).items).toHaveLength(1)
  })

  it('does not wait for an account that cannot be settled', async () => {
    const { act, hire, type, tenant } = leave.company()
    const [odd, other] = await Promise.all([hire(), hire()])
    await type(monthly)
    await leave.db.sudo(`delete from employee_terms where employee_id = $1`, [odd])
    const { id } = await act('startLeaveRun', { scope: everything })
    await settleCompany(leave.db.database, testCall(tenant), leave.clock, id)
    expect(await act('getLeaveRun', { runId: id, scope: everything })).toMatchObject({
      state: 'done',
      progress: { employees: 2, entries: 3, failed: 1 },
    })
    const { items } = await act('listBalances', { employeeId: other!, scope: everything })
    expect(items).toMatchObject([{ booked: 6 }])
  })
})

describe('two runs at once', () => {
  it('accrue once', async () => {
    const { act, type, tenant } = leave.company()
    await hireMany(tenant, 500)
    await type(monthly)
    const { id } = await act('startLeaveRun', { scope: everything })
    const call = () => testCall(tenant)
    await Promise.all(
      Array.from({ length: 4 }, () => settleCompany(leave.db.database, call(), leave.clock, id)),
    )
    expect(await ledgerOf(tenant)).toEqual({
      accounts: 500,
      entries: 1500,
      sum: 3_000_000,
      balances: 3_000_000,
      off: 0,
    })
  })

  it('and requests of the same people settle each account once', async () => {
    const { act, type, tenant, hire } = leave.company()
    const manager = await hire()
    const people = await Promise.all(Array.from({ length: 20 }, () => hire({ managerId: manager })))
    const { id: typeId } = await type(monthly)
    const { id } = await act('startLeaveRun', { scope: everything })
    const ask = (employeeId: string) =>
      act('submitRequest', {
        employeeId,
        typeId,
        startsOn: '2026-03-16',
        endsOn: '2026-03-17',
        scope: everything,
      })
    await Promise.all([
      settleCompany(leave.db.database, testCall(tenant), leave.clock, id),
      ...people.map(ask),
    ])
    // 6 days for each of 21, of which 20 have taken 2
    expect(await ledgerOf(tenant)).toEqual({
      accounts: 21,
      entries: 21 * 3 + 20 * 2,
      sum: 21 * 6000 - 20 * 2000,
      balances: 21 * 6000 - 20 * 2000,
      off: 0,
    })
  })
})

it('goes on after its worker was killed, and accrues nothing twice', async () => {
  const { act, type, tenant } = leave.company()
  // More than a batch.
  const count = 12_000
  await hireMany(tenant, count)
  await type(monthly)
  const first = startWorker()
  const { id: runId } = await act('startLeaveRun', { scope: everything })
  const read = () => act('getLeaveRun', { runId, scope: everything })
  while ((await read()).progress.employees === 0) {
    expect(first.exitCode).toBeNull()
    await sleep(5)
  }
  await kill(first)
  const { state, progress } = await read()
  expect(state).toBe('running')
  expect(progress.employees).toBeLessThan(count)

  startWorker()
  await until(async () => (await read()).state === 'done', 50_000)
  expect((await read()).progress).toMatchObject({ employees: count, total: count, failed: 0 })
  expect(await ledgerOf(tenant)).toEqual({
    accounts: count,
    entries: 3 * count,
    sum: 6000 * count,
    balances: 6000 * count,
    off: 0,
  })
}, 90_000)
