import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callerHeaders, testCall } from '#kit/testing.ts'
import { rateEntitlementsAnew } from './entitlements.ts'
import { type Company, everything, type Leave, type OutputOf, problem, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
beforeEach(() => leave.setNow('2026-03-02T09:00:00Z'))
afterAll(() => leave.close())

const monthly = { accrual: { amount: 24, frequency: 'monthly' } } as const

async function somebody(rules: Parameters<Company['type']>[0] = monthly, given = {}) {
  const company = leave.company()
  const manager = await company.hire()
  const employeeId = await company.hire({ managerId: manager })
  const { id: typeId, policy } = await company.type(rules, given)
  const about = { employeeId, typeId, scope: everything }
  const balance = async (asOf?: string) =>
    (await company.act('listBalances', { employeeId, scope: everything, ...(asOf ? { asOf } : {}) }))
      .items[0]!
  const lines = async (asked: { from?: string; to?: string } = {}) => {
    const { lines } = await company.act('getStatement', { ...about, ...asked })
    return lines.map(
      (line) => `${line.effectiveOn} ${line.kind} ${line.amount} = ${line.balance}: ${line.because}`,
    )
  }
  return { ...company, manager, employeeId, typeId, policy, about, balance, lines }
}

describe('a balance', () => {
  it('is there before any job has run', async () => {
    const { balance } = await somebody()
    expect(await balance()).toMatchObject({
      unit: 'day',
      asOf: '2026-03-02',
      booked: 6,
      toCome: 0,
      balance: 6,
      requestedLater: 0,
      available: 6,
      pending: 0,
      expiring: [{ on: '2026-12-31', amount: 6 }],
    })
  })

  it('of a day to come counts what accrues and lapses until then', async () => {
    const { balance } = await somebody({ ...monthly, carryOver: { max: 5, expiresAfterMonths: 3 } })
    expect(await balance('2026-12-31')).toMatchObject({ booked: 6, toCome: 18, balance: 24 })
    expect(await balance('2027-01-15')).toMatchObject({
      booked: 6,
      toCome: 1,
      balance: 7,
      expiring: [{ on: '2027-03-31', amount: 5 }],
    })
    expect((await balance('2027-01-15')).available).toBe(0)
  })

  it('of a day that has passed is what took effect until then', async () => {
    const { balance } = await somebody()
    expect(await balance('2026-01-31')).toMatchObject({ booked: 2, balance: 2, available: 6 })
    expect(await balance('2025-12-31')).toMatchObject({ booked: 0, balance: 0 })
  })

  it('tells what is requested for later, and what nobody has approved yet', async () => {
    const { act, as, request, employeeId, typeId, manager, balance } = await somebody()
    await request(employeeId, typeId, '2026-03-16', '2026-03-17')
    const { id, version } = await request(employeeId, typeId, '2026-03-20')
    expect(await balance()).toMatchObject({ balance: 6, requestedLater: 3, available: 3, pending: 3 })
    await act(
      'decideRequest',
      {
        requestId: id,
        expectedVersion: version,
        decision: 'approve',
        scope: { reach: 'reports', employeeId: manager },
      },
      as(manager, 'manager:reports'),
    )
    expect(await balance()).toMatchObject({ requestedLater: 3, available: 3, pending: 2 })
    expect(await balance('2026-03-18')).toMatchObject({ booked: 4, requestedLater: 1, available: 3 })
  })

  it('counts on what will have accrued where leave may be booked ahead', async () => {
    const { balance } = await somebody({ ...monthly, booking: { ahead: true } })
    expect([(await balance()).available, (await balance('2026-06-30')).available]).toEqual([6, 12])
  })

  it('has no end where it may fall without limit', async () => {
    const { balance } = await somebody({ accrual: null }, { negativeBalance: { kind: 'unlimited' } })
    expect(await balance()).toMatchObject({ booked: 0, available: null })
  })

  it('is not shown of what somebody is not offered and has nothing of', async () => {
    const { act, hire } = leave.company()
    const employeeId = await hire()
    expect(await act('listBalances', { employeeId, scope: everything })).toEqual({ items: [] })
  })

  it('is for the person, for those above, and for HR', async () => {
    const { as, send, manager, employeeId } = await somebody()
    const ask = (by: string, reach: 'self' | 'reports') =>
      send(
        'listBalances',
        { employeeId, scope: { reach, employeeId: by } },
        as(by, ...(reach === 'reports' ? (['manager:reports'] as const) : [])),
      )
    expect((await ask(employeeId, 'self')).status).toBe(200)
    expect((await ask(manager, 'reports')).status).toBe(200)
    expect(await ask(manager, 'self')).toMatchObject(problem(404, 'employee-not-found'))
  })

  it('is forecast for five years at most', async () => {
    const { send, employeeId } = await somebody()
    expect(await send('listBalances', { employeeId, asOf: '2031-03-03', scope: everything })).toMatchObject({
      ...problem(422, 'invalid-input'),
      body: { errors: [{ pointer: '/asOf', rule: 'foresight' }] },
    })
  })
})

describe('a statement', () => {
  it('tells every entry and why, beyond today those to come', async () => {
    const { act, request, about, employeeId, typeId, lines } = await somebody()
    await act('grantLeave', { ...about, amount: 1.5, usableFrom: '2026-02-10', reason: 'Moving house' })
    await request(employeeId, typeId, '2026-03-16')
    expect(await lines({ to: '2026-04-30' })).toEqual([
      '2026-01-01 accrual 2 = 2: Everybody: period from 2026-01-01',
      '2026-02-01 accrual 2 = 4: Everybody: period from 2026-02-01',
      '2026-02-10 grant 1.5 = 5.5: Moving house',
      '2026-03-01 accrual 2 = 7.5: Everybody: period from 2026-03-01',
      '2026-03-16 reservation -1 = 6.5: Requested',
      '2026-04-01 accrual 2 = 8.5: Everybody: period from 2026-04-01',
    ])
  })

  it('begins with what there was before', async () => {
    const { act, about } = await somebody()
    const statement = await act('getStatement', { ...about, from: '2026-02-15', to: '2026-03-31' })
    expect(statement).toMatchObject({ opening: 4, closing: 6, lines: [{ kind: 'accrual', balance: 6 }] })
  })

  it('is the same whether entries were booked by a request or are still to be', async () => {
    const { act, about, lines } = await somebody({ ...monthly, carryOver: { max: 3 } })
    const before = await lines({ to: '2027-02-28' })
    leave.setNow('2027-02-10T09:00:00Z')
    expect(await lines({ to: '2027-02-28' })).toEqual(before)
    const grant = { usableFrom: '2027-02-28', reason: 'Books what is due' }
    await act('grantLeave', { ...about, amount: 1, ...grant })
    expect(await lines({ to: '2027-02-27' })).toEqual(before)
    const { lines: booked } = await act('getStatement', { ...about, to: '2027-02-27' })
    expect(booked.every(({ id, bookedAt }) => id !== null && bookedAt !== null)).toBe(true)
  })

  it('of a time that ends before it begins is refused', async () => {
    const { send, about } = await somebody()
    expect(await send('getStatement', { ...about, from: '2026-03-01', to: '2026-02-28' })).toMatchObject(
      problem(422, 'ends-before-start'),
    )
    expect(await send('getStatement', { ...about, typeId: randomUUIDv7() })).toMatchObject(
      problem(404, 'leave-type-not-found'),
    )
  })
})

describe('a grant', () => {
  it('is usable for its time and lapses after it', async () => {
    const { act, about, balance } = await somebody({ accrual: null })
    const granted = await act('grantLeave', {
      ...about,
      amount: 2,
      usableFrom: '2026-03-10',
      usableTo: '2026-04-30',
      reason: 'Overtime',
    })
    expect(granted.balance).toBe(2)
    expect(await balance()).toMatchObject({ booked: 0, available: 0 })
    expect(await balance('2026-04-30')).toMatchObject({ toCome: 0, balance: 2, available: 2 })
    leave.setNow('2026-05-01T09:00:00Z')
    expect(await balance()).toMatchObject({ booked: 0, available: 0, expiring: [] })
  })

  it('is refused in a closed period, backwards, and by whom the scope does not reach', async () => {
    const { act, send, as, about, employeeId, manager } = await somebody()
    const grant = { ...about, amount: 1, usableFrom: '2026-01-15', reason: 'Late' }
    await act('closePeriod', { through: '2026-01-31', scope: everything })
    expect(await send('grantLeave', grant)).toMatchObject(problem(422, 'period-closed'))
    expect(
      await send('grantLeave', { ...grant, usableFrom: '2026-03-01', usableTo: '2026-02-28' }),
    ).toMatchObject(problem(422, 'ends-before-start'))
    const own = { reach: 'self', employeeId } as const
    expect(
      await send('grantLeave', { ...grant, usableFrom: '2026-03-01', scope: own }, as(employeeId)),
    ).toMatchObject(problem(404, 'employee-not-found'))
    const managers = { reach: 'reports', employeeId: manager } as const
    const byManager = { ...grant, usableFrom: '2026-03-01', scope: managers }
    expect((await send('grantLeave', byManager, as(manager, 'manager:reports'))).status).toBe(200)
  })
})

describe('an adjustment', () => {
  it('goes into the entitlement of the day', async () => {
    const { act, about, balance, lines } = await somebody()
    const { balance: after } = await act('adjustBalance', { ...about, amount: 2.5, reason: 'Forgotten' })
    expect(after).toBe(8.5)
    expect(await balance()).toMatchObject({ available: 8.5, expiring: [{ on: '2026-12-31', amount: 8.5 }] })
    expect((await lines()).at(-1)).toBe('2026-03-02 adjustment 2.5 = 8.5: Forgotten')
  })

  it('takes like leave would, what lapses first before the rest', async () => {
    const { act, about, lines } = await somebody()
    await act('grantLeave', {
      ...about,
      amount: 1,
      usableFrom: '2026-03-01',
      usableTo: '2026-03-31',
      reason: 'G',
    })
    const { entryIds, balance } = await act('adjustBalance', { ...about, amount: -3, reason: 'Taken twice' })
    expect([entryIds.length, balance]).toEqual([2, 4])
    expect((await lines()).slice(-2)).toEqual([
      '2026-03-02 adjustment -1 = 6: Taken twice',
      '2026-03-02 adjustment -2 = 4: Taken twice',
    ])
  })

  it('does not take more than there is', async () => {
    const { send, about } = await somebody()
    expect(await send('adjustBalance', { ...about, amount: -6.001, reason: 'Too much' })).toMatchObject(
      problem(409, 'insufficient-balance'),
    )
    expect(await send('adjustBalance', { ...about, amount: 0, reason: 'Nothing' })).toMatchObject({
      ...problem(422, 'invalid-input'),
      body: { errors: [{ pointer: '/amount', rule: 'not-zero' }] },
    })
  })

  it('gives to who has no entitlement a grant', async () => {
    const { act, about, balance } = await somebody({ accrual: null })
    await act('adjustBalance', { ...about, amount: 2, reason: 'Opening balance' })
    expect(await balance()).toMatchObject({ available: 2, expiring: [] })
  })
})

describe('the ledger', () => {
  it('takes no change and no deletion, from nobody', async () => {
    const { act, about, tenant } = await somebody()
    await act('adjustBalance', { ...about, amount: 1, reason: 'To have an entry' })
    await expect(leave.db.sudo('update entry set amount = 1 where tenant = $1', [tenant])).rejects.toThrow(
      'append-only',
    )
    await expect(leave.db.sudo('delete from entry where tenant = $1', [tenant])).rejects.toThrow(
      'append-only',
    )
  })
})

describe('what changes later', () => {
  const rate = async (tenant: string, change: Parameters<typeof rateEntitlementsAnew>[3]) =>
    rateEntitlementsAnew(leave.db.database, testCall(tenant), leave.clock, change)

  it('a policy: what was booked by it is brought to what it should be, once', async () => {
    const { act, about, tenant, policy, lines } = await somebody()
    await act('adjustBalance', { ...about, amount: 1, reason: 'Books what is due' })
    await act('changeLeavePolicy', {
      policyId: policy.id,
      expectedVersion: policy.version,
      effectiveFrom: '2026-01-01',
      changes: {
        rules: { accrual: { amount: 30, frequency: 'monthly' }, approval: [{ approver: 'manager' }] },
      },
      scope: everything,
    })
    await rate(tenant, { cause: 'policy', policyId: policy.id })
    await rate(tenant, { cause: 'policy', policyId: policy.id })
    expect((await lines({ to: '2026-04-01' })).slice(3)).toEqual([
      '2026-03-02 adjustment 1 = 7: Books what is due',
      '2026-03-02 adjustment 1.5 = 8.5: Adjusted: The policy has changed',
      '2026-04-01 accrual 2.5 = 11: Everybody: period from 2026-04-01',
    ])
  })

  it('an employment: what is due of it is due', async () => {
    const { act, hire, about, employeeId, tenant, balance } = await somebody({ accrual: { amount: 30 } })
    await act('adjustBalance', { ...about, amount: 1, reason: 'Books what is due' })
    await hire({ id: employeeId, version: 2, leavesOn: '2026-06-30' })
    await rate(tenant, { cause: 'employment', employeeId })
    expect(await balance()).toMatchObject({ balance: 15.88 })
    // Nothing is carried over for who has left.
    expect(await balance('2027-01-01')).toMatchObject({ balance: 0 })
  })

  it('two changes at once rate everybody once', async () => {
    const { act, about, tenant, policy, lines } = await somebody()
    await act('adjustBalance', { ...about, amount: 1, reason: 'Books what is due' })
    await leave.db.sudo(
      `update leave_policy_version set rules = jsonb_set(rules, '{accrual,amount}', '36') where tenant = $1`,
      [tenant],
    )
    await Promise.all(Array.from({ length: 5 }, () => rate(tenant, { cause: 'policy', policyId: policy.id })))
    expect((await lines()).filter((line) => line.includes('policy has changed'))).toHaveLength(1)
  })
})

describe('grants by file', () => {
  const header = 'employeeNumber,leaveType,amount,usableFrom,usableTo,reason'

  async function prepared() {
    const company = leave.company()
    const type = await company.type({ accrual: null })
    const ada = await company.hire({ number: '1' })
    const upload = async (rows: string | Uint8Array, dryRun = false) => {
      const response = await leave.app.request(`/grantLeaveByFile?dryRun=${dryRun}`, {
        method: 'POST',
        headers: {
          'content-type': 'text/csv',
          'idempotency-key': randomUUIDv7(),
          ...callerHeaders(company.hr),
        },
        body: rows as string,
      })
      return { status: response.status, body: (await response.json()) as OutputOf<'grantLeaveByFile'> }
    }
    const available = async (employeeId: string) =>
      (await company.act('listBalances', { employeeId, scope: everything })).items[0]?.available
    return { ...company, type, ada, upload, available }
  }

  it('grants each row once, however often the file comes', async () => {
    const { type, ada, hire, upload, available } = await prepared()
    const bob = await hire({ number: '2' })
    const file = [
      header,
      `1,${type.code},2.5,2026-01-01,2026-12-31,Moving`,
      `2,${type.code},1,2026-01-01,,Overtime`,
    ].join('\n')
    expect((await upload(file, true)).body).toEqual({
      dryRun: true,
      rows: 2,
      granted: 2,
      unchanged: 0,
      errors: [],
    })
    expect(await available(ada)).toBe(0)
    const [first, second] = await Promise.all([upload(file), upload(file)])
    expect([first.body, second.body].map(({ granted }) => granted).sort()).toEqual([0, 2])
    expect((await upload(file)).body).toEqual({
      dryRun: false,
      rows: 2,
      granted: 0,
      unchanged: 2,
      errors: [],
    })
    expect([await available(ada), await available(bob)]).toEqual([2.5, 1])
  })

  it('tells what is wrong by line, column and rule, and grants the others', async () => {
    const { act, type, ada, hire, upload, available } = await prepared()
    await hire({ number: '3' })
    await hire({ number: '3' })
    await act('closePeriod', { through: '2025-12-31', scope: everything })
    const row = (cells: Partial<Record<'n' | 't' | 'a' | 'from' | 'to' | 'r', string>>) => {
      const { n = '1', t = type.code, a = '1', from = '2026-01-01', to = '', r = 'Reason' } = cells
      return [n, t, a, from, to, r].join(',')
    }
    const rows = [
      row({ r: '"Over\ntwo lines"' }),
      row({ n: '99' }),
      row({ n: '3' }),
      row({ t: 'nope' }),
      row({ a: '-1' }),
      row({ a: '1.0005' }),
      row({ a: '"1,5"' }),
      row({ from: '2026-02-30' }),
      row({ to: '2025-12-31' }),
      row({ from: '2025-12-31' }),
      row({ r: '' }),
      row({ n: '', t: '' }),
      row({ r: '"Over\ntwo lines"' }),
      row({ a: '1"0' }),
    ]
    const { body } = await upload(`\uFEFF${[header, ...rows].join('\r\n')}`)
    expect(body).toMatchObject({ rows: 14, granted: 1, unchanged: 0 })
    const told = body.errors.map(({ line, column, rule }) => `${line} ${column} ${rule}`)
    expect(told).toEqual([
      '4 employeeNumber unknown-employee',
      '5 employeeNumber ambiguous-employee',
      '6 leaveType unknown-leave-type',
      '7 amount amount',
      '8 amount amount',
      '9 amount amount',
      '10 usableFrom date',
      '11 usableTo ends-before-start',
      '12 usableFrom period-closed',
      '13 reason required',
      '14 employeeNumber required',
      '14 leaveType required',
      '15 employeeNumber duplicate-in-file',
      '17 null csv',
    ])
    expect(await available(ada)).toBe(1)
  })

  it.each([
    ['empty', '', 'empty'],
    ['of another encoding', new Uint8Array([0xff, 0xfe, 0x41]), 'encoding'],
    ['without a column that is needed', 'employeeNumber,amount\n1,2', 'missing-column'],
    ['with a column twice', `${header},amount\n`, 'duplicate-header'],
  ])('refuses a file that is %s', async (_, content, rule) => {
    const { upload } = await prepared()
    expect((await upload(content)).body).toMatchObject({ rows: 0, granted: 0, errors: [{ line: 1, rule }] })
  })

  it('is for HR, who reach all', async () => {
    const { ada, as } = await prepared()
    const response = await leave.app.request('/grantLeaveByFile?dryRun=true', {
      method: 'POST',
      headers: {
        'content-type': 'text/csv',
        'idempotency-key': randomUUIDv7(),
        ...callerHeaders(as(ada, 'manager:reports')),
      },
      body: header,
    })
    expect(response.status).toBe(403)
  })
})
