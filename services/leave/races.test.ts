import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { problemBase } from '#kit/problem.ts'
import { testCall } from '#kit/testing.ts'
import { addDays, weekdayOf } from './domain/dates.ts'
import { rateEntitlementsAnew } from './entitlements.ts'
import { rateRequestsAnew } from './rate-anew.ts'
import { settleCompany } from './runs.ts'
import { type Answer, everything, type Leave, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())
beforeEach(() => leave.setNow('2026-03-02T09:00:00Z'))

/** How often two commands at once are tried: each time they meet a little differently. */
const rounds = Array.from({ length: 12 }, (_, round) => round)

const codes = (answers: readonly Answer<Record<string, unknown>>[]) =>
  answers
    .map(({ status, body }) => (status === 200 ? 'done' : String(body.type).slice(problemBase.length)))
    .sort()

/** Working days from a Monday on. */
const workingDays = (count: number, from = '2026-04-06') =>
  Array.from({ length: count * 2 }, (_, i) => addDays(from, i))
    .filter((date) => weekdayOf(date) < 5)
    .slice(0, count)

const self = (employeeId: string) => ({ reach: 'self' as const, employeeId })

type Company = ReturnType<Leave['company']>
async function company(...[rules, given]: Parameters<Company['type']>) {
  const it = leave.company()
  const manager = await it.hire()
  const employee = await it.hire({ managerId: manager })
  const type = await it.type(rules, given)
  const database = leave.db.database
  const call = () => testCall(it.tenant)
  return {
    ...it,
    manager,
    employee,
    type,
    ask: (startsOn: string, endsOn = startsOn, parts: Ask['parts'] = []) =>
      persist((key) =>
        it.send(
          'submitRequest',
          { employeeId: employee, typeId: type.id, startsOn, endsOn, parts, scope: self(employee) },
          it.as(employee),
          key,
        ),
      ),
    decide: (requestId: string, who: string | 'hr') =>
      who === 'hr'
        ? it.send('decideRequest', { requestId, expectedVersion: 1, decision: 'approve', scope: everything })
        : it.send(
            'decideRequest',
            { requestId, expectedVersion: 1, decision: 'approve', scope: self(who) },
            it.as(who),
          ),
    cancel: (requestId: string) =>
      it.send('cancelRequest', { requestId, expectedVersion: 1, scope: self(employee) }, it.as(employee)),
    /** What the job does after rules have changed. */
    rate: async (cause: 'holidays' | 'policy') => {
      await rateEntitlementsAnew(database, call(), leave.clock, { cause })
      await rateRequestsAnew(database, call(), leave.clock, { cause })
    },
    settle: (runId: string) => settleCompany(database, call(), leave.clock, runId),
    /** The balance, which is the sum of all entries, and not below what is allowed. */
    balance: async (of = employee) => {
      const [row] = await leave.db.sudo<{ sum: number; kept: number; floor: number; lots: number }>(
        `select balance::float8 as kept, floor::float8 as floor,
           (select coalesce(sum(amount), 0)::float8 from entry e where e.account_id = a.id) as sum,
           (select coalesce(sum(remaining), 0)::float8 from lot l where l.account_id = a.id) as lots
         from account a where employee_id = $1 and type_id = $2`,
        [of, type.id],
      )
      expect(row!.kept).toBe(row!.sum)
      expect(row!.lots).toBe(row!.sum)
      expect(row!.kept).toBeGreaterThanOrEqual(row!.floor)
      return row!.sum / 1000
    },
  }
}
type Ask = Parameters<Company['act']>[1] & { parts: { date: string; take: Take }[] }
type Take = { part: 'full' | 'first-half' | 'second-half' } | { part: 'hours'; minutes: number }

/** Sends again with the same key while the answer is that it took too long: a busy machine is not what is tried. */
async function persist(send: (key: Record<string, string>) => Promise<Answer<Record<string, unknown>>>) {
  const key = { 'idempotency-key': randomUUIDv7() }
  for (;;) {
    const answer = await send(key)
    if (answer.status < 503) return answer
  }
}

describe('competing requests', () => {
  it('a hundred at once against one balance: exactly what fits is accepted', async () => {
    const { ask, balance, act } = await company({ accrual: { amount: 20 } })
    const answers = await Promise.all(workingDays(100).map((day) => ask(day)))
    const counts = Object.groupBy(codes(answers), (code) => code)
    expect(counts.done).toHaveLength(20)
    expect(counts['insufficient-balance']).toHaveLength(80)
    expect(await balance()).toBe(0)
    const { items } = await act('listRequests', { limit: 200, scope: everything })
    expect(items).toHaveLength(20)
    // They take turns at one account, and a busy machine is slow.
  }, 90_000)

  it('of different length at once: what is refused would not have fitted any more', async () => {
    const { ask, balance } = await company({ accrual: { amount: 20 } })
    const weeks = Array.from({ length: 30 }, (_, week) => ({
      from: addDays('2026-04-06', week * 7),
      days: (week % 4) + 1,
    }))
    const answers = await Promise.all(weeks.map(({ from, days }) => ask(from, addDays(from, days - 1))))
    const left = await balance()
    expect(left).toBeGreaterThanOrEqual(0)
    const accepted = weeks.filter((_, i) => answers[i]!.status === 200)
    expect(accepted.reduce((sum, { days }) => sum + days, 0)).toBe(20 - left)
    for (const { days } of weeks.filter((_, i) => answers[i]!.status !== 200))
      expect(days).toBeGreaterThan(left)
  })

  it('for the same half day: one is accepted', async () => {
    const { ask } = await company()
    for (const day of workingDays(rounds.length)) {
      const half = (part: 'first-half' | 'second-half') => ask(day, day, [{ date: day, take: { part } }])
      const answers = await Promise.all([half('first-half'), half('second-half'), half('first-half')])
      expect(codes(answers)).toEqual(['done', 'done', 'overlapping-request'])
    }
  })

  it('for hours of one day: no more than are worked', async () => {
    const { ask } = await company({}, { unit: 'hour' })
    for (const day of workingDays(4)) {
      const answers = await Promise.all(
        Array.from({ length: 5 }, () =>
          ask(day, day, [{ date: day, take: { part: 'hours', minutes: 150 } }]),
        ),
      )
      expect(codes(answers)).toEqual(['done', 'done', 'done', 'overlapping-request', 'overlapping-request'])
    }
  })

  it('of the same key: one request', async () => {
    const { send, employee, type, as, balance } = await company()
    const input = { employeeId: employee, typeId: type.id, startsOn: '2026-04-06', endsOn: '2026-04-06' }
    const key = { 'idempotency-key': randomUUIDv7() }
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        send('submitRequest', { ...input, scope: self(employee) }, as(employee), key),
      ),
    )
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(await balance()).toBe(29)
  })
})

describe('a decision at the same time', () => {
  it('as a cancel: one of them counts, and the ledger agrees', async () => {
    const { ask, decide, cancel, manager, act, balance } = await company()
    let approved = 0
    for (const day of workingDays(rounds.length)) {
      const { body } = await ask(day)
      const id = String(body.id)
      const answers = await Promise.all([decide(id, manager), cancel(id)])
      expect(codes(answers)).toEqual(['done', 'version-conflict'])
      const { state } = await act('getRequest', { requestId: id, scope: everything })
      expect(state).toBe(answers[0].status === 200 ? 'approved' : 'cancelled')
      if (state === 'approved') approved++
      expect(await balance()).toBe(30 - approved)
    }
  })

  it('as another decision: one of them counts', async () => {
    const { ask, decide, manager, balance } = await company()
    for (const [i, day] of workingDays(rounds.length).entries()) {
      const id = String((await ask(day)).body.id)
      expect(codes(await Promise.all([decide(id, manager), decide(id, 'hr')]))).toEqual([
        'done',
        'version-conflict',
      ])
      expect(await balance()).toBe(30 - i - 1)
      const entries = await leave.db.sudo<{ kind: string }>(
        'select kind from entry where request_id = $1 order by number',
        [id],
      )
      expect(entries.map(({ kind }) => kind)).toEqual(['reservation', 'reversal', 'consumption'])
    }
  })
})

describe('delegations at once', () => {
  it('never become a circle', async () => {
    const { hire, send, as } = leave.company()
    const delegate = (delegatorId: string, delegateId: string) =>
      send(
        'createDelegation',
        {
          delegatorId,
          delegateId,
          startsOn: '2026-04-01',
          endsOn: '2026-04-30',
          scope: self(delegatorId),
        },
        as(delegatorId),
      )
    for (const _ of rounds) {
      const [a, b] = [await hire(), await hire()]
      expect(codes(await Promise.all([delegate(a, b), delegate(b, a)]))).toEqual([
        'delegation-circle',
        'done',
      ])
    }
    const ring = await Promise.all(Array.from({ length: 6 }, () => hire()))
    const answers = await Promise.all(ring.map((who, i) => delegate(who, ring[(i + 1) % ring.length]!)))
    expect(codes(answers)).toEqual(['delegation-circle', 'done', 'done', 'done', 'done', 'done'])
  })
})

describe('a change of rules at the same time as a request', () => {
  it('of a holiday: the request is charged without it, whichever was first', async () => {
    const { ask, act, rate, balance } = await company()
    const { id: calendarId } = await act('createHolidayCalendar', {
      code: randomUUIDv7(),
      name: 'Holidays',
      isDefault: true,
      scope: everything,
    })
    let requested = 0
    for (const [i, monday] of Array.from({ length: 6 }, (_, week) =>
      addDays('2026-04-06', 7 * week),
    ).entries()) {
      const add = async () => {
        const holidays = [{ date: monday, name: 'Holiday' }]
        await act('setHolidays', { calendarId, holidays, scope: everything })
        await rate('holidays')
      }
      const others = workingDays(2, addDays(monday, 1))
      const [, ...answers] = await Promise.all([
        add(),
        ask(monday, others[0]),
        ...(i % 2 === 0 ? [] : [ask(others[1]!)]),
      ])
      for (const { status, body } of answers) {
        expect(status).toBe(200)
        const { amount } = await act('getRequest', { requestId: String(body.id), scope: everything })
        expect(amount).toBe(1)
        requested++
      }
    }
    expect(await balance()).toBe(30 - requested)
  })

  it('of a policy: what is accepted was allowed when it was', async () => {
    for (const _ of rounds.slice(0, 6)) {
      const { ask, act, rate, balance, type, send, employee } = await company({ accrual: { amount: 10 } })
      const change = async () => {
        await act('changeLeavePolicy', {
          policyId: type.policy.id,
          expectedVersion: 1,
          effectiveFrom: '2026-01-01',
          changes: { rules: { ...type.policy.rules, accrual: { amount: 5 } } },
          scope: everything,
        })
        await rate('policy')
      }
      const [, answer] = await Promise.all([change(), ask('2026-04-06', '2026-04-15')])
      if (answer.status === 200) {
        // 8 days by the old rules: they stay, and nothing more can be had.
        expect(await balance()).toBe(-3)
        expect(codes([await ask('2026-05-04')])).toEqual(['insufficient-balance'])
      } else {
        expect(codes([answer])).toEqual(['insufficient-balance'])
        expect(answer.body.detail).toBe('It costs 8 days, of which 5 can be taken')
        const day = { employeeId: employee, typeId: type.id, startsOn: '2026-05-04', endsOn: '2026-05-08' }
        expect(codes([await send('submitRequest', { ...day, scope: everything })])).toEqual(['done'])
        expect(await balance()).toBe(0)
      }
    }
  })
})

describe('accruals that are booked at the same time as a request', () => {
  it('are booked once, whoever is first, and the request can have them', async () => {
    const { ask, act, settle, balance, hire, send, type, as } = await company({
      accrual: { amount: 12, frequency: 'monthly', timing: 'start' },
    })
    const others = await Promise.all(Array.from({ length: 5 }, () => hire()))
    const askAs = (who: string, day: string) =>
      persist((key) =>
        send(
          'submitRequest',
          { employeeId: who, typeId: type.id, startsOn: day, endsOn: day, scope: self(who) },
          as(who),
          key,
        ),
      )
    let month = 3
    for (const first of ['2026-04-01', '2026-05-01', '2026-06-01', '2026-07-01']) {
      leave.setNow(`${first}T09:00:00Z`)
      month++
      const { id } = await act('startLeaveRun', { scope: everything })
      const days = workingDays(4, addDays(first, (7 - weekdayOf(first)) % 7))
      const [answers] = await Promise.all([
        Promise.all([...days.map((day) => ask(day)), ...others.map((who) => askAs(who, days[0]!))]),
        settle(id),
        settle(id),
      ])
      const accepted = answers.slice(0, days.length).filter(({ status }) => status === 200).length
      // Three months in April, and one more in each that follows.
      expect(accepted).toBe(month === 4 ? 4 : 1)
      expect(codes(answers.slice(days.length))).toEqual(others.map(() => 'done'))
      expect(await balance()).toBe(0)
      for (const who of others) expect(await balance(who)).toBe(3)
    }
  })
})
