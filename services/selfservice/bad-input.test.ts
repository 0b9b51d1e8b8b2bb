import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callerHeaders, type TestCaller } from '#kit/testing.ts'
import { leaveContract } from '../leave/contract.ts'
import { monday } from '../workforce/matrix/leave.ts'
import { hire, type Person } from '../workforce/matrix/scene.ts'
import { startSelfservice, type TestSelfservice } from './testing.ts'

const day = (offset: number) => Temporal.PlainDate.from(monday).add({ days: offset }).toString()
const today = Temporal.Now.plainDateISO('UTC')

let selfservice: TestSelfservice
let hr: TestCaller
let ada: Person
let bea: Person
let caller: TestCaller
let typeId: string
let grantedId: string
beforeAll(async () => {
  selfservice = await startSelfservice()
  const { workforce } = selfservice
  hr = await workforce.newCompany()
  const newType = async (code: string, negativeBalance: { kind: 'none' | 'unlimited' }, booking: object) => {
    const type = await workforce.act('createLeaveType', { code, name: code, negativeBalance }, hr)
    const rules = { accrual: null, booking, approval: [{ approver: 'manager' as const }] }
    const policy = { code, name: 'All', typeId: type.id, effectiveFrom: '2020-01-01', rules }
    await workforce.act('createLeavePolicy', policy, hr)
    return type.id
  }
  const inventory = { from: day(21), to: day(25), name: 'Stocktaking' }
  const booking = { minNoticeDays: 5, maxConsecutiveDays: 10, blockDates: [inventory] }
  typeId = await newType('VAC', { kind: 'unlimited' }, booking)
  grantedId = await newType('BONUS', { kind: 'none' }, {})
  await workforce.act('closePeriod', { through: '2024-12-31' }, hr)
  ada = await hire(workforce, hr)
  bea = await hire(workforce, hr)
  for (const { id } of [ada, bea]) await workforce.tellLeaveOf(id, hr)
  caller = { tenant: hr.tenant, account: ada.account.id, employee: ada.id, roles: ['employee:self'] }
  const taken = { typeId, startsOn: day(1), endsOn: day(1) }
  const parts = [{ date: day(1), take: { part: 'first-half' as const } }]
  await selfservice.act('requestLeave', { ...taken, parts }, caller)
  await selfservice.act('requestLeave', { typeId, startsOn: day(2), endsOn: day(2) }, caller)
})
afterAll(() => selfservice.close())

async function send(path: string, body: object) {
  const response = await selfservice.app.request(path, {
    method: 'POST',
    headers: {
      ...callerHeaders(caller),
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

const problems = leaveContract.problems
const refusal = (code: keyof typeof problems, pointer: string) => ({
  status: problems[code].status,
  body: { type: `https://staffmesh.dev/problems/${code}`, title: problems[code].title, pointer },
})
const invalid = (pointer: string, rule: string) => ({
  status: 422,
  body: {
    type: 'https://staffmesh.dev/problems/invalid-input',
    errors: expect.arrayContaining([expect.objectContaining({ pointer, rule })]),
  },
})

const part = (date: string, take: object) => ({ parts: [{ date, take }] })
const half = (part: 'first-half' | 'second-half') => ({ part })
const hours = (minutes: unknown) => ({ part: 'hours', minutes })

describe('a request of leave', () => {
  const ask = (given: object) =>
    send('/v1/me/leave/requests', { typeId, startsOn: monday, endsOn: monday, ...given })
  const first = today.add({ days: 1 }).toString()

  it.each<[string, object, keyof typeof problems, string]>([
    ['that ends before it starts', { endsOn: day(-1) }, 'ends-before-start', '/endsOn'],
    ['of more than a year', { endsOn: day(400) }, 'request-too-long', '/endsOn'],
    ['without working time', { startsOn: day(5), endsOn: day(6) }, 'no-working-time', '/startsOn'],
    ['over another', { endsOn: day(4) }, 'overlapping-request', '/endsOn'],
    [
      'of the same half of a day as another',
      { startsOn: day(1), endsOn: day(1), ...part(day(1), half('first-half')) },
      'overlapping-request',
      '/parts/0/date',
    ],
    ['with a part of another day', part(day(3), half('second-half')), 'day-outside-request', '/parts/0/date'],
    [
      'of more hours than a day has',
      part(monday, hours(481)),
      'beyond-working-time',
      '/parts/0/take/minutes',
    ],
    ['on a date that is blocked', { startsOn: day(21), endsOn: day(21) }, 'block-date', '/startsOn'],
    ['that comes too late', { startsOn: first, endsOn: day(-1) }, 'notice-too-short', '/startsOn'],
    ['of too many days', { startsOn: day(28), endsOn: day(44) }, 'too-many-consecutive-days', '/endsOn'],
    [
      'in a closed period',
      { typeId: () => grantedId, startsOn: '2024-12-30', endsOn: '2024-12-30' },
      'period-closed',
      '/startsOn',
    ],
    [
      'before joining',
      { typeId: () => grantedId, startsOn: '2019-12-30', endsOn: '2019-12-30' },
      'outside-employment',
      '/startsOn',
    ],
    ['of a type that is not there', { typeId: randomUUID() }, 'leave-type-not-found', '/typeId'],
    ['that no balance covers', { typeId: () => grantedId }, 'insufficient-balance', '/endsOn'],
  ])('%s is refused, and the preview tells why', async (_, given, code, pointer) => {
    const resolved = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, typeof value === 'function' ? value() : value]),
    )
    expect(await ask(resolved)).toMatchObject(refusal(code, pointer))
    const asked = { typeId, startsOn: monday, endsOn: monday, ...resolved }
    const preview = await send('/v1/me/leave/preview', asked)
    if (preview.status === 200)
      expect(preview.body).toMatchObject({
        conflicts: expect.arrayContaining([expect.objectContaining({ code })]),
      })
    else expect(preview).toMatchObject(refusal(code, pointer))
  })

  it.each<[string, object, ReturnType<typeof invalid>]>([
    ['for somebody else', { employeeId: randomUUID() }, invalid('/employeeId', 'unknown-field')],
    ['with a scope', { scope: { reach: 'all' } }, invalid('/scope', 'unknown-field')],
    ['with a version', { knownVersion: 1 }, invalid('/knownVersion', 'unknown-field')],
    ['of negative hours', part(monday, hours(-1)), invalid('/parts/0/take/minutes', 'too-small')],
    ['of no hours', part(monday, hours(0)), invalid('/parts/0/take/minutes', 'too-small')],
    ['of huge hours', part(monday, hours(1e9)), invalid('/parts/0/take/minutes', 'too-big')],
    ['of half a minute', part(monday, hours(0.5)), invalid('/parts/0/take/minutes', 'safeint')],
    [
      'of a part that is none',
      part(monday, half('third' as never)),
      invalid('/parts/0/take/part', 'invalid-union'),
    ],
    ['on 30 February', { startsOn: '2027-02-30' }, invalid('/startsOn', 'date')],
    ['with a note of blanks', { note: '  ' }, invalid('/note', 'too-small')],
  ])('%s is no input', async (_, given, expected) => {
    expect(await ask(given)).toMatchObject(expected)
  })
})

describe('a delegation', () => {
  const delegate = (delegateId: string, startsOn = monday, endsOn = day(1)) =>
    send('/v1/me/delegations', { delegateId, startsOn, endsOn })

  it('to oneself is refused', async () => {
    expect(await delegate(ada.id)).toMatchObject(refusal('delegation-to-oneself', '/delegateId'))
  })

  it('to nobody is refused', async () => {
    expect(await delegate(randomUUID())).toMatchObject(refusal('reference-unknown', '/delegateId'))
  })

  it('that ends before it starts is refused', async () => {
    expect(await delegate(bea.id, day(1), monday)).toMatchObject(refusal('ends-before-start', '/endsOn'))
  })

  it('that comes back is refused', async () => {
    const back = { delegateId: ada.id, startsOn: monday, endsOn: monday }
    const own: TestCaller = { ...caller, account: bea.account.id, employee: bea.id }
    await selfservice.act('delegateApprovals', back, own)
    expect(await delegate(bea.id)).toMatchObject(refusal('delegation-circle', '/delegateId'))
  })
})

describe('a decision', () => {
  it('of more than a hundred requests, or of none, is no input', async () => {
    const row = { requestId: randomUUID(), expectedVersion: 1, decision: 'approve' }
    const decide = (decisions: object[]) => send('/v1/me/approvals/decisions', { decisions })
    expect(await decide([])).toMatchObject(invalid('/decisions', 'too-small'))
    expect(await decide(Array(101).fill(row))).toMatchObject(invalid('/decisions', 'too-big'))
    expect(await decide([{ ...row, scope: { reach: 'all' } }])).toMatchObject(
      invalid('/decisions/0/scope', 'unknown-field'),
    )
  })
})
