import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemBase } from '#kit/problem.ts'
import { recordsOf } from './fixtures/records.ts'
import { everything, type Leave, plainRules, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave('2026-03-02T09:00:00Z')
})
afterAll(() => leave.close())

const problem = (status: number, code: string, fields: object = {}) => ({
  status,
  body: { type: problemBase + code, status, ...fields },
})
const nobody = randomUUIDv7()

/** A company, and what its commands leave behind. */
function watched() {
  const company = leave.company()
  return { ...company, ...recordsOf(leave, company.tenant) }
}

describe('a leave type', () => {
  const vacation = { code: 'VAC', name: 'Vacation', scope: everything }

  it('is created, changed and closed by who has seen its newest version', async () => {
    const { act, send, events, audit } = watched()
    const created = await act('createLeaveType', vacation)
    const { id: typeId } = created
    expect(created).toEqual({
      id: typeId,
      code: 'VAC',
      name: 'Vacation',
      unit: 'day',
      paid: true,
      negativeBalance: { kind: 'none' },
      open: true,
      version: 1,
    })
    const change = {
      typeId,
      expectedVersion: 1,
      changes: { paid: false, open: false, negativeBalance: { kind: 'capped', limit: 2.5 } as const },
      scope: everything,
    }
    const changed = { ...created, ...change.changes, version: 2 }
    expect(await act('changeLeaveType', change)).toEqual(changed)
    expect(await send('changeLeaveType', change)).toMatchObject(problem(412, 'version-conflict'))
    expect(await events(typeId)).toEqual([
      'leave-type-created 1 code,name,unit,paid,negativeBalance',
      'leave-type-changed 2 paid,negativeBalance,open',
    ])
    expect((await audit(typeId)).at(-1)).toEqual({
      before: { paid: true, open: true, negativeBalance: { kind: 'none' } },
      after: change.changes,
    })
    const unlimited = { negativeBalance: { kind: 'unlimited' } as const }
    expect(await act('changeLeaveType', { ...change, expectedVersion: 2, changes: unlimited })).toEqual({
      ...changed,
      ...unlimited,
      version: 3,
    })
  })

  it('is listed by code, page by page', async () => {
    const { act, send } = watched()
    const codes = ['C', 'A', 'B']
    for (const code of codes) await act('createLeaveType', { ...vacation, code })
    const list = async (input: object = {}) => {
      const { items, next } = await act('listLeaveTypes', { ...input, scope: everything })
      return { codes: items.map(({ code }) => code), next }
    }
    const first = await list({ limit: 2 })
    expect(first).toEqual({ codes: ['A', 'B'], next: expect.any(String) })
    expect(await list({ limit: 2, cursor: first.next })).toEqual({ codes: ['C'], next: null })
    const { items } = await act('listLeaveTypes', { scope: everything })
    const { id: typeId } = items[0]!
    await act('changeLeaveType', { typeId, expectedVersion: 1, changes: { open: false }, scope: everything })
    expect((await list({ open: true })).codes).toEqual(['B', 'C'])
    expect((await list({ open: false })).codes).toEqual(['A'])
    expect(await send('listLeaveTypes', { cursor: 'made-up', scope: everything })).toMatchObject(
      problem(422, 'invalid-input', { errors: [{ pointer: '/cursor', rule: 'cursor' }] }),
    )
  })

  it('has a code of its own, also when two are created at once', async () => {
    const { send } = watched()
    const answers = await Promise.all([send('createLeaveType', vacation), send('createLeaveType', vacation)])
    const [created, refused] = answers.toSorted((a, b) => a.status - b.status)
    expect(created).toMatchObject({ status: 200 })
    expect(refused).toMatchObject(problem(409, 'code-taken'))
  })

  it('is known, and for the whole company', async () => {
    const { send, tenant } = watched()
    const change = { typeId: nobody, expectedVersion: 1, changes: { name: 'New' }, scope: everything }
    expect(await send('changeLeaveType', change)).toMatchObject(problem(404, 'leave-type-not-found'))
    const manager = { tenant, employee: nobody, roles: ['manager:reports'] as const }
    const scope = { reach: 'reports', employeeId: nobody } as const
    for (const [name, input] of [
      ['createLeaveType', vacation],
      ['changeLeaveType', change],
      ['closePeriod', { through: '2026-01-31' }],
    ] as const)
      expect(await send(name, { ...input, scope } as never, manager)).toMatchObject(problem(403, 'forbidden'))
  })

  it('with another limit leaves no account in conflict: who owes more goes on owing it', async () => {
    const { act, hire, tenant } = watched()
    const negativeBalance = { kind: 'capped', limit: 5 } as const
    const { id: typeId } = await act('createLeaveType', { ...vacation, negativeBalance })
    const balances = { debtor: -4000, frugal: 3000 }
    const accounts: Record<string, string> = {}
    for (const [name, balance] of Object.entries(balances)) {
      const employeeId = await hire()
      const [account] = await leave.db.sudo<{ id: string }>(
        `insert into account (tenant, id, employee_id, type_id, since, balance, floor)
         values ($1, gen_random_uuid(), $2, $3, '2026-01-01', $4, -5000) returning id`,
        [tenant, employeeId, typeId, balance],
      )
      accounts[account!.id] = name
    }
    let expectedVersion = 1
    const floorsAt = async (changes: Parameters<typeof act<'changeLeaveType'>>[1]['changes']) => {
      await act('changeLeaveType', { typeId, expectedVersion: expectedVersion++, changes, scope: everything })
      const rows = await leave.db.sudo<{ id: string; floor: number | null }>(
        'select id, floor::float8 as floor from account where type_id = $1',
        [typeId],
      )
      return Object.fromEntries(rows.map(({ id, floor }) => [accounts[id], floor]))
    }
    expect(await floorsAt({ negativeBalance: { kind: 'capped', limit: 1.5 } })).toEqual({
      debtor: -4000,
      frugal: -1500,
    })
    expect(await floorsAt({ negativeBalance: { kind: 'none' } })).toEqual({ debtor: -4000, frugal: 0 })
    expect(await floorsAt({ negativeBalance: { kind: 'unlimited' } })).toEqual({ debtor: null, frugal: null })
    expect(await floorsAt({ name: 'Holiday' })).toEqual({ debtor: null, frugal: null })
    expect(await floorsAt({ negativeBalance: { kind: 'capped', limit: 10 } })).toEqual({
      debtor: -10_000,
      frugal: -10_000,
    })
  })

  it.each<[string, object, string]>([
    ['a limit of nothing', { negativeBalance: { kind: 'capped', limit: 0 } }, '/negativeBalance/limit'],
    [
      'a limit below a thousandth',
      { negativeBalance: { kind: 'capped', limit: 1.0001 } },
      '/negativeBalance/limit',
    ],
    ['another unit', { unit: 'week' }, '/unit'],
    ['no name', { name: '  ' }, '/name'],
    ['a long code', { code: 'x'.repeat(41) }, '/code'],
    ['what is not asked for', { colour: 'red' }, '/colour'],
  ])('does not take %s', async (_, given, pointer) => {
    const { send } = watched()
    expect(await send('createLeaveType', { ...vacation, ...given })).toMatchObject(
      problem(422, 'invalid-input', { errors: [{ pointer }] }),
    )
  })
})

describe('a leave policy', () => {
  async function withType() {
    const company = watched()
    const { id: typeId } = await company.act('createLeaveType', {
      code: 'VAC',
      name: 'Vacation',
      scope: everything,
    })
    const policy = {
      code: 'ALL',
      name: 'Everybody',
      typeId,
      effectiveFrom: '2026-01-01',
      rules: plainRules,
      scope: everything,
    }
    return { ...company, typeId, policy }
  }
  const days = (policy: { rules: { accrual: { amount: number } | null } }) => policy.rules.accrual?.amount

  it('has other rules from a date on, and tells those of any date', async () => {
    const { act, policy, typeId, events, rated, audit } = await withType()
    const created = await act('createLeavePolicy', policy)
    const { id: policyId } = created
    expect(created).toMatchObject({
      code: 'ALL',
      name: 'Everybody',
      typeId,
      rank: 100,
      effectiveFrom: '2026-01-01',
      version: 1,
      rules: {
        eligibility: { waitingMonths: 0 },
        accrual: { amount: 30, frequency: 'yearly', timing: 'start', yearStart: '01-01', rounding: 0.01 },
        carryOver: { max: 0, expiresAfterMonths: null },
        approval: [{ approver: 'manager' }],
      },
    })
    const change = (expectedVersion: number, effectiveFrom: string, amount: number) =>
      act('changeLeavePolicy', {
        policyId,
        expectedVersion,
        effectiveFrom,
        changes: { rules: { ...plainRules, accrual: { amount } } },
        scope: everything,
      })
    expect(await change(1, '2027-01-01', 32)).toMatchObject({ effectiveFrom: '2027-01-01', version: 2 })
    // What was planned for later stays.
    expect(days(await change(2, '2026-07-01', 31))).toBe(31)
    expect(days(await change(3, '2026-07-01', 31.5))).toBe(31.5)
    const asOf = async (date?: string) => {
      const read = await act('getLeavePolicy', {
        policyId,
        ...(date === undefined ? {} : { asOf: date }),
        scope: everything,
      })
      return `${read.effectiveFrom} ${days(read)}`
    }
    expect(await asOf('2020-01-01')).toBe('2026-01-01 30')
    expect(await asOf()).toBe('2026-01-01 30')
    expect(await asOf('2026-06-30')).toBe('2026-01-01 30')
    expect(await asOf('2026-07-01')).toBe('2026-07-01 31.5')
    expect(await asOf('2028-02-29')).toBe('2027-01-01 32')
    expect(await events(policyId)).toEqual([
      'leave-policy-created 1 code,name,typeId,rank,effectiveFrom,rules',
      'leave-policy-changed 2 rules',
      'leave-policy-changed 3 rules',
      'leave-policy-changed 4 rules',
    ])
    expect(await rated()).toEqual(
      ['2026-01-01', '2027-01-01', '2026-07-01', '2026-07-01'].map((from) => ({
        cause: 'policy',
        from,
        policyId,
      })),
    )
    expect((await audit(policyId)).at(-1)).toMatchObject({
      before: { effectiveFrom: '2026-07-01', rules: { accrual: { amount: 31 } } },
      after: { effectiveFrom: '2026-07-01', rules: { accrual: { amount: 31.5 } } },
    })
  })

  it('by another name is none that leave is rated anew for', async () => {
    const { act, policy, rated } = await withType()
    const { id: policyId } = await act('createLeavePolicy', policy)
    const change = { policyId, effectiveFrom: '2026-03-01', scope: everything }
    await act('changeLeavePolicy', { ...change, expectedVersion: 1, changes: { name: 'All of us' } })
    expect(await rated()).toHaveLength(1)
    const renamed = await act('changeLeavePolicy', { ...change, expectedVersion: 2, changes: { rank: 1 } })
    expect(renamed).toMatchObject({ name: 'All of us', rank: 1, effectiveFrom: '2026-01-01', version: 3 })
    expect((await rated()).at(-1)).toEqual({ cause: 'policy', from: '2026-03-01', policyId })
  })

  it('is listed by rank, page by page', async () => {
    const { act, policy, typeId } = await withType()
    const sick = await act('createLeaveType', { code: 'SICK', name: 'Sick leave', scope: everything })
    for (const [code, rank] of [
      ['third', 30],
      ['first', 10],
      ['second', 20],
      ['last', 30],
    ] as const)
      await act('createLeavePolicy', { ...policy, code, rank })
    await act('createLeavePolicy', { ...policy, code: 'sick', typeId: sick.id, rank: 5 })
    const list = async (input: object = {}) => {
      const { items, next } = await act('listLeavePolicies', { ...input, scope: everything })
      return { codes: items.map(({ code }) => code), next }
    }
    expect((await list()).codes).toEqual(['sick', 'first', 'second', 'third', 'last'])
    const page = await list({ typeId, limit: 3 })
    expect(page).toEqual({ codes: ['first', 'second', 'third'], next: expect.any(String) })
    expect(await list({ typeId, limit: 3, cursor: page.next })).toEqual({ codes: ['last'], next: null })
    expect(await list({ cursor: randomUUIDv7() })).toEqual({ codes: [], next: null })
  })

  it('is for a type that there is, has a code of its own, and changes for who has read it last', async () => {
    const { act, send, policy } = await withType()
    const { id: policyId } = await act('createLeavePolicy', policy)
    expect(await send('createLeavePolicy', policy)).toMatchObject(problem(409, 'code-taken'))
    expect(await send('createLeavePolicy', { ...policy, code: 'B', typeId: nobody })).toMatchObject(
      problem(422, 'reference-unknown', { pointer: '/typeId' }),
    )
    const change = { policyId, effectiveFrom: '2026-03-01', changes: { name: 'N' }, scope: everything }
    expect(await send('changeLeavePolicy', { ...change, expectedVersion: 2 })).toMatchObject(
      problem(412, 'version-conflict'),
    )
    expect(
      await send('changeLeavePolicy', { ...change, policyId: nobody, expectedVersion: 1 }),
    ).toMatchObject(problem(404, 'leave-policy-not-found'))
    expect(await send('getLeavePolicy', { policyId: nobody, scope: everything })).toMatchObject(
      problem(404, 'leave-policy-not-found'),
    )
  })

  it('that cannot work is refused when it is written', async () => {
    const { act, send, policy } = await withType()
    const unapproved = { ...plainRules, approval: [{ approver: 'hr', longerThanDays: 3 }] as const }
    const capped = { ...plainRules, accrual: { amount: 30, yearlyCap: 20 } }
    expect(
      await send('createLeavePolicy', {
        ...policy,
        rules: { ...unapproved, approval: [...unapproved.approval] },
      }),
    ).toMatchObject(problem(422, 'policy-without-approver', { pointer: '/rules/approval' }))
    const { id: policyId } = await act('createLeavePolicy', policy)
    expect(
      await send('changeLeavePolicy', {
        policyId,
        expectedVersion: 1,
        effectiveFrom: '2026-03-01',
        changes: { rules: capped },
        scope: everything,
      }),
    ).toMatchObject(problem(422, 'policy-cap-below-grant', { pointer: '/changes/rules/accrual/yearlyCap' }))
    expect(await act('getLeavePolicy', { policyId, scope: everything })).toMatchObject({ version: 1 })
  })

  it.each<[string, object, string]>([
    ['a negative entitlement', { accrual: { amount: -1 } }, '/rules/accrual/amount'],
    ['a huge entitlement', { accrual: { amount: 1e9 } }, '/rules/accrual/amount'],
    [
      'a leave year that begins on 29 February',
      { accrual: { amount: 1, yearStart: '02-29' } },
      '/rules/accrual/yearStart',
    ],
    [
      'a leave year that begins on 31 April',
      { accrual: { amount: 1, yearStart: '04-31' } },
      '/rules/accrual/yearStart',
    ],
    [
      'a waiting period of half a month',
      { eligibility: { waitingMonths: 0.5 } },
      '/rules/eligibility/waitingMonths',
    ],
    ['nobody who is eligible', { eligibility: { locations: [] } }, '/rules/eligibility/locations'],
    ['an approver who is none', { approval: [{ approver: 'boss' }] }, '/rules/approval/0/approver'],
  ])('does not take %s', async (_, given, pointer) => {
    const { send, policy } = await withType()
    const rules = { ...plainRules, ...given } as typeof plainRules
    expect(await send('createLeavePolicy', { ...policy, rules })).toMatchObject(
      problem(422, 'invalid-input', { errors: [{ pointer }] }),
    )
  })
})

describe('a closed period', () => {
  it('grows, but is not opened again, and does not reach far ahead', async () => {
    const { act, send, tenant, events } = watched()
    const close = (through: string) => send('closePeriod', { through, scope: everything })
    expect(await act('getClosedPeriod', { scope: everything })).toEqual({ closedThrough: null })
    expect(await close('2026-01-31')).toEqual({ status: 200, body: { closedThrough: '2026-01-31' } })
    expect(await close('2026-01-30')).toMatchObject(problem(422, 'period-closed', { pointer: '/through' }))
    expect(await close('2026-01-31')).toMatchObject({ status: 200 })
    expect(await close('2026-04-02')).toMatchObject({ status: 200 })
    expect(await close('2026-04-03')).toMatchObject(problem(422, 'period-not-over', { pointer: '/through' }))
    expect(await act('getClosedPeriod', { scope: everything })).toEqual({ closedThrough: '2026-04-02' })
    expect(await events(tenant)).toEqual([1, 2, 3].map((version) => `period-closed ${version} closedThrough`))
  })
})
