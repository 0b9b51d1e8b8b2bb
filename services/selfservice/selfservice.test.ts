import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callerHeaders, type TestCaller } from '#kit/testing.ts'
import { monday } from '../workforce/matrix/leave.ts'
import { hire, type Person, unique } from '../workforce/matrix/scene.ts'
import { startSelfservice, type TestSelfservice } from './testing.ts'

let selfservice: TestSelfservice
let hr: TestCaller
let typeId: string
let boss: Person
let ada: Person
let bea: Person
beforeAll(async () => {
  selfservice = await startSelfservice()
  const { workforce } = selfservice
  hr = await workforce.newCompany()
  const type = { code: 'VAC', name: 'Vacation', negativeBalance: { kind: 'unlimited' as const } }
  typeId = (await workforce.act('createLeaveType', type, hr)).id
  const rules = { accrual: null, approval: [{ approver: 'manager' as const }] }
  const policy = { code: 'VAC', name: 'All', typeId, effectiveFrom: '2020-01-01', rules }
  await workforce.act('createLeavePolicy', policy, hr)
})
afterAll(() => selfservice.close())

/** Ada and Bea, who report to the boss; leave knows them. */
beforeEach(async () => {
  const { workforce } = selfservice
  boss = await hire(workforce, hr)
  ada = await hire(workforce, hr, boss.id)
  bea = await hire(workforce, hr, boss.id)
  for (const { id } of [boss, ada, bea]) await workforce.tellLeaveOf(id, hr)
})

const as = ({ id, account }: Person): TestCaller => ({
  tenant: hr.tenant,
  account: account.id,
  employee: id,
  roles: ['employee:self'],
})
const day = (offset: number) => Temporal.PlainDate.from(monday).add({ days: offset }).toString()
const request = (person: Person, offset = 0) =>
  selfservice.act('requestLeave', { typeId, startsOn: day(offset), endsOn: day(offset) }, as(person))
const problem = (status: number, code: string) => ({
  status,
  body: { type: `https://staffmesh.dev/problems/${code}` },
})

describe('an employee', () => {
  it('reads what is kept about oneself', async () => {
    expect(await selfservice.act('getMyProfile', {}, as(ada))).toMatchObject({
      id: ada.id,
      person: { displayName: 'Ada Lovelace' },
      terms: { managerId: boss.id },
    })
  })

  it('without an employee is nobody here', async () => {
    const { employee: _, ...account } = as(ada)
    expect(await selfservice.send('listMyBalances', {}, account)).toMatchObject(problem(403, 'forbidden'))
    expect(await selfservice.send('listMyBalances', {}, hr)).toMatchObject(problem(403, 'forbidden'))
  })

  it('sees that colleagues and the manager are away, with their names, and not why', async () => {
    const { id } = await request(bea)
    const { people, names } = await selfservice.act(
      'getMyTeamCalendar',
      { from: monday, to: monday },
      as(ada),
    )
    expect(new Set(people.map(({ employeeId }) => employeeId))).toEqual(new Set([boss.id, ada.id, bea.id]))
    expect(names).toEqual({
      [boss.id]: 'Ada Lovelace',
      [ada.id]: 'Ada Lovelace',
      [bea.id]: 'Ada Lovelace',
    })
    const entryOf = (calendar: typeof people) => calendar.find(({ employeeId }) => employeeId === bea.id)
    const away = { date: monday, part: 'full', state: 'pending' }
    expect(entryOf(people)?.away).toEqual([{ ...away, requestId: null, typeId: null }])
    const own = await selfservice.act('getMyTeamCalendar', { from: monday, to: monday }, as(bea))
    expect(entryOf(own.people)?.away).toEqual([{ ...away, requestId: id, typeId }])
  })

  it('is told who will approve, by name', async () => {
    const asked = { typeId, startsOn: monday, endsOn: monday }
    const preview = await selfservice.act('previewMyLeave', asked, as(ada))
    expect(preview).toMatchObject({ amount: 1, approvers: [{ step: 1, approver: 'manager' }] })
    expect(preview.names).toEqual({ [boss.id]: 'Ada Lovelace' })
  })
})

describe('a request of somebody of whom directory knows more than leave', () => {
  const moved = async () => {
    const change = { effectiveFrom: '2024-01-01', changes: { fte: 0.5 } }
    const target = { employeeId: ada.id, expectedVersion: ada.version }
    await selfservice.workforce.act('changeEmployee', { ...target, ...change }, hr)
  }
  const asked = () => ({ typeId, startsOn: monday, endsOn: monday })

  it('is told to come again, and done when leave knows it too', async () => {
    await moved()
    expect(await selfservice.send('requestLeave', asked(), as(ada))).toMatchObject(
      problem(409, 'employee-facts-behind'),
    )
    expect(await selfservice.send('previewMyLeave', asked(), as(ada))).toMatchObject(
      problem(409, 'employee-facts-behind'),
    )
    await selfservice.workforce.tellLeaveOf(ada.id, hr)
    expect(await selfservice.send('requestLeave', asked(), as(ada))).toMatchObject({ status: 201 })
  })

  it('is told so as well when leave does not know the person at all', async () => {
    const newcomer = await hire(selfservice.workforce, hr, boss.id)
    for (const operation of ['previewMyLeave', 'requestLeave'] as const)
      expect(await selfservice.send(operation, asked(), as(newcomer))).toMatchObject(
        problem(409, 'employee-facts-behind'),
      )
  })

  it('gets its former answer when it is sent again, whatever has changed since', async () => {
    const headers = {
      ...callerHeaders(as(ada)),
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    }
    const send = () =>
      selfservice.app.request('/v1/me/leave/requests', {
        method: 'POST',
        headers,
        body: JSON.stringify(asked()),
      })
    const first = await send()
    await moved()
    const again = await send()
    expect([first.status, again.status]).toEqual([201, 201])
    expect(await again.json()).toEqual(await first.json())
  })
})

describe('many decisions at once', () => {
  it('are each done or refused by itself, and once', async () => {
    const [first, second, third] = [await request(ada), await request(ada, 1), await request(bea)]
    const decided = await selfservice.act(
      'decideMyApproval',
      { requestId: second.id, expectedVersion: second.version, decision: 'approve' },
      as(boss),
    )
    const decisions = [
      { requestId: first.id, expectedVersion: first.version, decision: 'approve' },
      { requestId: decided.id, expectedVersion: decided.version, decision: 'reject' },
      { requestId: randomUUID(), expectedVersion: 1, decision: 'approve' },
      { requestId: third.id, expectedVersion: third.version + 1, decision: 'approve' },
      { requestId: third.id, expectedVersion: third.version, decision: 'reject', comment: 'Too many' },
    ]
    const headers = {
      ...callerHeaders(as(boss)),
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    }
    const send = async () => {
      const body = JSON.stringify({ decisions })
      const response = await selfservice.app.request('/v1/me/approvals/decisions', {
        method: 'POST',
        headers,
        body,
      })
      return { status: response.status, body: (await response.json()) as { results: unknown[] } }
    }
    const answer = await send()
    expect(answer.status).toBe(200)
    const refused = (status: number, code: string) => ({
      status,
      done: null,
      problem: { type: `https://staffmesh.dev/problems/${code}`, status },
    })
    expect(answer.body.results).toMatchObject([
      { requestId: first.id, status: 200, done: { state: 'approved' }, problem: null },
      { requestId: decided.id, ...refused(409, 'request-state') },
      refused(404, 'leave-request-not-found'),
      { requestId: third.id, ...refused(412, 'version-conflict') },
      { requestId: third.id, status: 200, done: { state: 'rejected' }, problem: null },
    ])
    const again = await send()
    expect(again.body.results[0]).toEqual(answer.body.results[0])
    expect(again.body.results[4]).toEqual(answer.body.results[4])
    const { items } = await selfservice.act('listMyApprovals', {}, as(boss))
    expect(items).toEqual([])
  })
})

describe('a deputy', () => {
  const waiting = async (person: Person) =>
    (await selfservice.act('listMyApprovals', {}, as(person))).items.map(({ id }) => id)

  it('decides what waits for who is away, until that ends', async () => {
    const deputy = await hire(selfservice.workforce, hr)
    await selfservice.workforce.tellLeaveOf(deputy.id, hr)
    const { id, version } = await request(ada)
    const today = Temporal.Now.plainDateISO('UTC').toString()
    const delegation = await selfservice.act(
      'delegateApprovals',
      { delegateId: deputy.id, startsOn: today, endsOn: monday },
      as(boss),
    )
    const queue = await selfservice.act('listMyApprovals', {}, as(deputy))
    expect(queue).toMatchObject({
      items: [{ id, allowedActions: ['approve', 'reject'] }],
      names: { [ada.id]: 'Ada Lovelace' },
    })
    const known = await selfservice.act('listMyDelegations', {}, as(deputy))
    expect(known).toMatchObject({
      items: [{ delegatorId: boss.id, delegateId: deputy.id }],
      names: { [boss.id]: 'Ada Lovelace' },
    })
    await selfservice.act(
      'endMyDelegation',
      { delegationId: delegation.id, expectedVersion: delegation.version },
      as(boss),
    )
    expect(await waiting(deputy)).toEqual([])
    const decision = { requestId: id, expectedVersion: version, decision: 'approve' } as const
    expect(await selfservice.send('decideMyApproval', decision, as(deputy))).toMatchObject(
      problem(404, 'leave-request-not-found'),
    )
    expect(await waiting(boss)).toEqual([id])
  })

  it('decides nothing of the deputy’s own', async () => {
    const today = Temporal.Now.plainDateISO('UTC').toString()
    const days = { startsOn: today, endsOn: monday }
    await selfservice.act('delegateApprovals', { delegateId: ada.id, ...days }, as(boss))
    const { id, version } = await request(ada)
    expect(await waiting(ada)).toEqual([])
    const decision = { requestId: id, expectedVersion: version, decision: 'approve' } as const
    expect(await selfservice.send('decideMyApproval', decision, as(ada))).toMatchObject(
      problem(403, 'own-request'),
    )
  })
})

describe('a cancel', () => {
  it('gives back what was taken, to the same grants', async () => {
    const code = unique()
    const type = await selfservice.workforce.act('createLeaveType', { code, name: 'Bonus' }, hr)
    const rules = { accrual: null, approval: [{ approver: 'manager' as const }] }
    await selfservice.workforce.act(
      'createLeavePolicy',
      { code, name: 'All', typeId: type.id, effectiveFrom: '2020-01-01', rules },
      hr,
    )
    const grant = (amount: number, usableTo: string) =>
      selfservice.workforce.act(
        'grantLeave',
        {
          employeeId: ada.id,
          typeId: type.id,
          amount,
          usableFrom: '2024-01-01',
          usableTo,
          reason: 'Overtime',
        },
        hr,
      )
    await grant(1, day(30))
    await grant(4, day(60))
    const statement = async () => {
      const period = { from: '2024-01-01', to: day(10) }
      const { lines } = await selfservice.act('getMyStatement', { typeId: type.id, ...period }, as(ada))
      const booked = lines.filter(({ id }) => id !== null)
      return Map.groupBy(booked, ({ lot }) => lot.usableTo)
    }
    const left = async () =>
      [...(await statement())].map(([to, lines]) => [to, lines.reduce((sum, { amount }) => sum + amount, 0)])
    const before = await left()
    expect(before).toEqual([
      [day(30), 1],
      [day(60), 4],
    ])
    const asked = { typeId: type.id, startsOn: day(0), endsOn: day(1) }
    const { id, version } = await selfservice.act('requestLeave', asked, as(ada))
    expect(await left()).toEqual([
      [day(30), 0],
      [day(60), 3],
    ])
    await selfservice.act('cancelMyRequest', { requestId: id, expectedVersion: version }, as(ada))
    expect(await left()).toEqual(before)
    const kinds = [...(await statement()).values()].map((lines) => lines.map(({ kind }) => kind))
    expect(kinds).toEqual([
      ['grant', 'reservation', 'reversal'],
      ['grant', 'reservation', 'reversal'],
    ])
  })
})
