import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { book } from './fixtures/booked.ts'
import { type Leave, lifecycleOf, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())

describe("a company's leave", () => {
  it('is exported page by page, with every entry and who wrote what', async () => {
    const { act, hire, send, tenant } = leave.company()
    const [first, second] = [await hire(), await hire()]
    const of = await book(leave.db, { tenant, employeeId: first, delegateId: second, words: 'Words' })
    const job = lifecycleOf(tenant)
    const page = await act('exportLeave', { limit: 1 }, job)
    const rest = await act('exportLeave', { limit: 1, cursor: page.next! }, job)
    expect(page.items).toMatchObject([
      {
        employeeId: first,
        schedules: [{ effectiveFrom: '2026-01-01', patternId: of.pattern, calendarId: of.calendar }],
        accounts: [
          {
            id: of.account,
            typeId: of.type,
            balance: 10,
            settledThrough: '2026-01-31',
            lots: [{ id: of.lot, origin: 'grant', usableTo: null, remaining: 10 }],
            entries: [
              { kind: 'grant', amount: 10, effectiveOn: '2026-02-01', reason: 'Words', requestId: null },
              {
                kind: 'consumption',
                amount: -1,
                requestId: of.request,
                bookedAt: '2026-02-01T08:00:00.000Z',
              },
              { kind: 'reversal', amount: 1, reverses: of.taken },
            ],
          },
        ],
        requests: [
          {
            id: of.request,
            state: 'cancelled',
            amount: 1,
            note: 'Words 0',
            cancelReason: 'Words -1',
            days: [{ date: '2026-05-04', part: 'full', minutes: 480, amount: 1 }],
            approvals: [{ step: 1, state: 'approved', decidedBy: second, comment: 'Words 1' }],
            changes: [{ cause: 'holidays', before: 2, after: 1 }],
          },
        ],
        delegations: [{ delegateId: second, endsOn: '2026-01-09', ended: false }],
      },
    ])
    expect(rest).toEqual({
      items: [{ employeeId: second, schedules: [], accounts: [], requests: [], delegations: [] }],
      next: null,
    })
    expect(await send('exportLeave', {})).toMatchObject({ status: 403 })
  })

  it('is exported with what the company has set up', async () => {
    const { act, hire, tenant } = leave.company()
    const [employeeId, delegateId] = [await hire(), await hire()]
    const of = await book(leave.db, { tenant, employeeId, delegateId, words: 'Words' })
    expect(await act('exportLeaveSettings', {}, lifecycleOf(tenant))).toMatchObject({
      types: [{ id: of.type, unit: 'day', negativeBalance: { kind: 'none' }, open: true }],
      policies: [
        {
          id: of.policy,
          typeId: of.type,
          versions: [{ effectiveFrom: '2020-01-01', rules: { accrual: null } }],
        },
      ],
      calendars: [{ id: of.calendar, region: 'BE', holidays: [{ date: '2026-12-25', name: 'Christmas' }] }],
      patterns: [{ id: of.pattern, weeks: [[480, 480, 480, 480, 480, 0, 0]] }],
      closedThrough: null,
    })
  })

  it('is deleted, and no other with it', async () => {
    const company = leave.company()
    const neighbour = leave.company()
    for (const { hire, tenant } of [company, neighbour]) {
      const [employeeId, delegateId] = [await hire(), await hire()]
      await book(leave.db, { tenant, employeeId, delegateId, words: 'Words' })
    }
    const before = await rowsOf(neighbour.tenant)
    const kept = ['audit', 'event', 'idempotency']
    // The fixture has a row in every table that keeps something of a company, but for those named.
    const empty = ['closed_period', 'event', 'leave_run']
    expect(Object.keys(before).filter((name) => before[name] === 0)).toEqual(empty)

    let rounds = 0
    while (!(await company.act('deleteTenantData', {}, lifecycleOf(company.tenant))).done)
      expect(++rounds).toBeLessThan(50)
    const after = await rowsOf(company.tenant)
    // Neither audit entries nor events name anyone; answers are kept for a day.
    expect(Object.keys(after).filter((name) => after[name]! > 0 && !kept.includes(name))).toEqual([])
    expect(await rowsOf(neighbour.tenant)).toEqual(before)
  })

  it('is deleted by nobody but background work', async () => {
    const { send } = leave.company()
    expect(await send('deleteTenantData', {})).toMatchObject({ status: 403 })
  })

  it('loses no entry of its ledger in any other way', async () => {
    const { hire, tenant } = leave.company()
    const [employeeId, delegateId] = [await hire(), await hire()]
    const { grant } = await book(leave.db, { tenant, employeeId, delegateId, words: 'Words' })
    for (const change of ['delete from entry', 'update entry set amount = 1'])
      await expect(leave.db.sudo(`${change} where id = $1`, [grant])).rejects.toThrow('append-only')
  })
})

/** How many rows each table has of a company. */
async function rowsOf(tenant: string): Promise<Record<string, number>> {
  const tables = await leave.db.sudo<{ name: string }>(
    `select relname as name from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace
       and exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant') order by relname`,
  )
  const rows: Record<string, number> = {}
  for (const { name } of tables) {
    const [row] = await leave.db.sudo<{ n: number }>(
      `select count(*)::int as n from ${name} where tenant = $1`,
      [tenant],
    )
    rows[name] = row!.n
  }
  return rows
}
