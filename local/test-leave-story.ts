import { expect, test } from 'vitest'
import type { Tokens } from '../services/identity/fixtures/login.ts'

type Ask<T> = (
  tokens: Tokens,
  method: string,
  path: string,
  body?: object | string,
  etag?: string,
) => Promise<T>

/** People of the sample company, and how to act as one of them. */
interface Company {
  // biome-ignore lint/suspicious/noExplicitAny: answers of the API, which assertions look into
  act: Ask<any>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  send: Ask<{ status: number; headers: Headers; body: any }>
  /** Lets somebody in, by the employee number. */
  invite(number: string): Promise<Tokens>
  eventually(condition: () => Promise<boolean>): Promise<unknown>
  tokens(): { admin: Tokens; manager: Tokens }
  /** Milliseconds for each part. */
  patience: number
}

interface Line {
  /** null: it is to come. */
  id: string | null
  amount: number
  lot: { id: string }
}

/** Registers the tests of leave in the sample company, where 103 manages 104 to 107. */
export function leaveStory({ act, send, invite, eventually, tokens, patience }: Company): void {
  const today = Temporal.Now.plainDateISO('UTC')
  const monday = today.add({ days: 29 - today.dayOfWeek })
  const week = { from: monday.toString(), to: monday.add({ days: 4 }).toString() }
  const days = { startsOn: week.from, endsOn: week.to }
  let typeId: string
  let valli: Tokens
  /** Of that week. */
  let workdays: string[]
  let request: { id: string; employeeId: string; version: number; amount: number }

  const own = '/v1/me/leave'
  const within = `?from=${week.from}&to=${week.to}`
  const balance = async () => (await act(valli, 'GET', `${own}/balances`)).items[0]
  /** What each grant has left by all that is booked, for days to come too. */
  async function grants(): Promise<Record<string, number>> {
    const statement = `${own}/balances/${typeId}/statement?from=${today.year}-01-01&to=${today.year + 1}-12-31`
    const { lines } = (await act(valli, 'GET', statement)) as { lines: Line[] }
    const sums: Record<string, number> = {}
    for (const { id, lot, amount } of lines) if (id !== null) sums[lot.id] = (sums[lot.id] ?? 0) + amount
    return sums
  }
  const etagOf = ({ version }: { version: number }) => `"${version}"`

  test('HR says which leave there is, for whom, and which days are holidays', {
    timeout: patience,
  }, async () => {
    const { admin } = tokens()
    await act(admin, 'POST', '/v1/working-patterns', {
      code: '5x8',
      name: 'Five days',
      weeks: [[480, 480, 480, 480, 480, 0, 0]],
      isDefault: true,
    })
    const calendar = await act(admin, 'POST', '/v1/holiday-calendars', {
      code: 'US-CA',
      name: 'California',
      country: 'US',
      region: 'CA',
      isDefault: true,
    })
    const { added } = await act(admin, 'POST', `/v1/holiday-calendars/${calendar.id}/public-holidays`, {
      years: [today.year, today.year + 1],
    })
    expect(added.map(({ date }: { date: string }) => date)).toContain(`${today.year}-07-04`)
    const type = await act(admin, 'POST', '/v1/leave/types', { code: 'VAC', name: 'Vacation' })
    typeId = type.id
    const policy = {
      code: 'VAC',
      name: 'Everybody',
      typeId,
      effectiveFrom: `${today.year}-01-01`,
      rules: {
        accrual: { amount: 24 },
        carryOver: { max: 5, expiresAfterMonths: 3 },
        booking: { ahead: true },
        approval: [{ approver: 'manager' }, { approver: 'hr', longerThanDays: 10 }],
      },
    }
    const unapproved = { ...policy, rules: { ...policy.rules, approval: [] } }
    expect(await send(admin, 'POST', '/v1/leave/policies', unapproved)).toMatchObject({
      status: 422,
      body: { type: 'https://staffmesh.dev/problems/policy-without-approver' },
    })
    await act(admin, 'POST', '/v1/leave/policies', policy)
  })

  test('an employee sees what she has, what it would cost, and asks for it', {
    timeout: patience,
  }, async () => {
    valli = await invite('106')
    await eventually(async () => (await send(valli, 'GET', `${own}/balances`)).status === 200)
    expect(await balance()).toMatchObject({ typeCode: 'VAC', unit: 'day', balance: 24, pending: 0 })

    const schedule = await act(valli, 'GET', `/v1/me/schedule${within}`)
    const working = (schedule.days as { date: string; minutes: number }[]).filter(
      ({ minutes }) => minutes > 0,
    )
    workdays = working.map(({ date }) => date)
    const cost = workdays.length
    const preview = await act(valli, 'POST', `${own}/preview`, { typeId, ...days })
    expect(preview).toMatchObject({ amount: cost, conflicts: [] })
    expect(Object.values(preview.names)).toEqual(['Alexander James'])
    expect(await balance()).toMatchObject({ pending: 0 })

    request = await act(valli, 'POST', `${own}/requests`, { typeId, ...days, note: 'The sea' })
    expect(request).toMatchObject({ state: 'pending', amount: cost, allowedActions: ['cancel'] })
    expect(await balance()).toMatchObject({ pending: cost })
    expect(await send(valli, 'POST', `${own}/requests`, { typeId, ...days })).toMatchObject({
      status: 409,
      body: { type: 'https://staffmesh.dev/problems/overlapping-request', pointer: '/startsOn' },
    })
  })

  test('the manager is told what he may do, and approves', { timeout: patience }, async () => {
    const { manager } = tokens()
    const { items, names } = await act(manager, 'GET', '/v1/me/approvals')
    expect(items).toMatchObject([{ id: request.id, allowedActions: ['approve', 'reject'] }])
    expect(names[request.employeeId]).toBe('Valli Jackson')
    const decision = `/v1/me/approvals/${request.id}/decision`
    expect(await send(valli, 'POST', decision, { decision: 'approve' }, etagOf(request))).toMatchObject({
      status: 403,
      body: { type: 'https://staffmesh.dev/problems/own-request' },
    })
    request = await act(manager, 'POST', decision, { decision: 'approve' }, etagOf(request))
    expect(request).toMatchObject({ state: 'approved', allowedActions: [] })
    expect(await act(manager, 'GET', '/v1/me/approvals')).toMatchObject({ items: [] })
    expect(await balance()).toMatchObject({ pending: 0 })
  })

  test('the team calendar shows it, and only to the manager why', { timeout: patience }, async () => {
    const { manager } = tokens()
    const miller = await invite('104')
    await eventually(async () => (await send(miller, 'GET', `${own}/balances`)).status === 200)
    const entryOf = (calendar: { people: { employeeId: string }[] }) =>
      calendar.people.find(({ employeeId }) => employeeId === request.employeeId)
    const seen = await act(miller, 'GET', `/v1/me/team-calendar${within}`)
    expect(seen.names[request.employeeId]).toBe('Valli Jackson')
    expect(Object.values(seen.names)).toContain('Alexander James')
    expect(entryOf(seen)).toMatchObject({
      away: expect.arrayContaining([
        expect.objectContaining({ state: 'approved', requestId: null, typeId: null }),
      ]),
    })
    expect(entryOf(await act(manager, 'GET', `/v1/leave/calendar${within}`))).toMatchObject({
      away: expect.arrayContaining([expect.objectContaining({ requestId: request.id, typeId })]),
    })
    expect((await send(miller, 'GET', `${own}/requests/${request.id}`)).status).toBe(404)
  })

  test('a cancel gives back exactly the same grants', { timeout: patience }, async () => {
    const during = await grants()
    const cancellation = `${own}/requests/${request.id}/cancellation`
    request = await act(valli, 'POST', cancellation, { reason: 'Rain' }, etagOf(request))
    expect(request).toMatchObject({ state: 'cancelled', allowedActions: [] })
    const after = await grants()
    const given = Object.keys(after).filter((lot) => after[lot] !== during[lot])
    const back = given.map((lot) => after[lot]! - (during[lot] ?? 0))
    expect(back.reduce((sum, amount) => sum + amount, 0)).toBe(request.amount)
    expect(await balance()).toMatchObject({ balance: 24, requestedLater: 0, pending: 0 })
    // The same again costs the same grants.
    const again = await act(valli, 'POST', `${own}/requests`, { typeId, ...days })
    expect(await grants()).toEqual(during)
    await act(valli, 'POST', `${own}/requests/${again.id}/cancellation`, {}, etagOf(again))
    expect(await grants()).toEqual(after)
  })

  test('many requests are decided at once, each by itself', { timeout: patience }, async () => {
    const { manager } = tokens()
    const single = (day: string) =>
      act(valli, 'POST', `${own}/requests`, { typeId, startsOn: day, endsOn: day })
    const [first, second] = [await single(workdays[0]!), await single(workdays[1]!)]
    const { results } = await act(manager, 'POST', '/v1/me/approvals/decisions', {
      decisions: [
        { requestId: first.id, expectedVersion: first.version, decision: 'approve' },
        { requestId: request.id, expectedVersion: request.version, decision: 'approve' },
        { requestId: second.id, expectedVersion: second.version, decision: 'reject', comment: 'Too many' },
      ],
    })
    expect(results).toMatchObject([
      { requestId: first.id, status: 200, done: { state: 'approved' }, problem: null },
      {
        requestId: request.id,
        status: 409,
        done: null,
        problem: { type: 'https://staffmesh.dev/problems/request-state' },
      },
      { requestId: second.id, status: 200, done: { state: 'rejected' }, problem: null },
    ])
  })
}
