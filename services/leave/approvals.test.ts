import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { testCall, until } from '#kit/testing.ts'
import { recordsOf } from './fixtures/records.ts'
import { findApproversOfMoved } from './rate-anew.ts'
import { everything, type Leave, problem, startLeave } from './testing.ts'

let leave: Leave
let worker: Awaited<ReturnType<Leave['startWorker']>>
beforeAll(async () => {
  leave = await startLeave()
  worker = await leave.startWorker()
})
afterAll(async () => {
  await worker.stop()
  await leave.close()
})
beforeEach(() => leave.setNow('2026-03-02T09:00:00Z'))

const self = (employeeId: string) => ({ reach: 'self' as const, employeeId })
const reports = (employeeId: string) => ({ reach: 'reports' as const, employeeId })

/** head > boss > employee, a peer beside the employee, and a stranger. */
async function company(rules: Parameters<ReturnType<Leave['company']>['type']>[0] = {}) {
  const it = leave.company()
  const head = await it.hire()
  const boss = await it.hire({ managerId: head })
  const employee = await it.hire({ managerId: boss })
  const peer = await it.hire({ managerId: boss })
  const stranger = await it.hire({ managerId: head })
  const type = await it.type(rules)
  const decide = (
    { id, version }: { id: string; version: number },
    who: string | TestCaller,
    decision: 'approve' | 'reject' = 'approve',
  ) => {
    const [caller, scope] = typeof who === 'string' ? [it.as(who), self(who)] : [who, everything]
    return it.send('decideRequest', { requestId: id, expectedVersion: version, decision, scope }, caller)
  }
  return {
    ...it,
    ...recordsOf(leave, it.tenant),
    head,
    boss,
    employee,
    peer,
    stranger,
    type,
    decide,
    submit: (day = '2026-03-09', to = day) => it.request(employee, type.id, day, to),
    queue: async (who: string) =>
      (await it.act('listApprovals', { scope: self(who) }, it.as(who))).items.map(({ id }) => id),
    read: (id: string, who: string) => it.send('getRequest', { requestId: id, scope: self(who) }, it.as(who)),
    delegate: (from: string, to: string, startsOn = '2026-03-01', endsOn = '2026-03-31') =>
      it.send(
        'createDelegation',
        { delegatorId: from, delegateId: to, startsOn, endsOn, scope: self(from) },
        it.as(from),
      ),
  }
}

describe('a decision', () => {
  it('is the approver’s, step after step; who sees a request may not decide it for that', async () => {
    const { submit, decide, boss, head, peer, employee, hr, queue, send, as, events } = await company({
      approval: [{ approver: 'manager' }, { approver: 'managers-manager', longerThanDays: 2 }],
    })
    const made = await submit('2026-03-09', '2026-03-11')
    expect(await decide(made, peer)).toMatchObject(problem(404, 'leave-request-not-found'))
    expect(await decide(made, employee)).toMatchObject(problem(403, 'own-request'))
    // The boss's boss sees it, and comes next, not now.
    const asHead = {
      requestId: made.id,
      expectedVersion: 1,
      decision: 'approve',
      scope: reports(head),
    } as const
    expect(await send('decideRequest', asHead, as(head, 'manager:reports'))).toMatchObject(
      problem(403, 'not-approver', { detail: 'Step 1 is decided by another approver' }),
    )
    expect([await queue(boss), await queue(head)]).toEqual([[made.id], []])
    expect((await decide(made, boss)).body).toMatchObject({
      state: 'pending',
      version: 2,
      allowedActions: [],
    })
    expect([await queue(boss), await queue(head)]).toEqual([[], [made.id]])
    expect((await decide({ ...made, version: 2 }, head)).body).toMatchObject({
      state: 'approved',
      version: 3,
    })
    expect(await decide({ ...made, version: 3 }, hr)).toMatchObject(
      problem(409, 'request-state', { detail: 'It is approved already' }),
    )
    expect(await events(made.id)).toEqual([
      'leave-requested 1 ',
      'leave-step-approved 2 state',
      'leave-approved 3 state',
    ])
  })

  it('may be HR’s at any step, but nobody’s on their own request', async () => {
    const { submit, decide, hr, employee, as } = await company()
    const made = await submit()
    expect(await decide(made, as(employee, 'hr-admin:all'))).toMatchObject(problem(403, 'own-request'))
    expect(await decide(made, { ...hr, employee: '00000000-0000-7000-8000-00000000000a' })).toMatchObject({
      status: 200,
    })
  })

  it('of HR waits for anybody of HR', async () => {
    const { submit, act, boss, decide, hr, request, head, type } = await company({
      approval: [{ approver: 'hr' }],
    })
    const made = await submit()
    const { items } = await act('listApprovals', { scope: everything })
    expect(items).toMatchObject([{ id: made.id, allowedActions: ['approve', 'reject', 'cancel'] }])
    expect(await decide(made, boss)).toMatchObject(problem(404, 'leave-request-not-found'))
    expect(await decide(made, hr)).toMatchObject({ status: 200 })
    // Nobody is above the head.
    expect((await request(head, type.id, '2026-03-09')).approvals).toMatchObject([{ approverId: null }])
  })

  it('is refused to who has not seen the newest version', async () => {
    const { submit, decide, boss, head } = await company({
      approval: [{ approver: 'manager' }, { approver: 'managers-manager' }],
    })
    const made = await submit()
    await decide(made, boss)
    expect(await decide(made, head)).toMatchObject(problem(412, 'version-conflict'))
  })

  it('in a closed period can only be a no', async () => {
    const { submit, decide, boss, act } = await company()
    const made = await submit()
    await act('closePeriod', { through: '2026-03-09', scope: everything })
    expect(await decide(made, boss)).toMatchObject(problem(422, 'period-closed'))
    expect(await decide(made, boss, 'reject')).toMatchObject({ status: 200 })
  })
})

describe('a request is seen', () => {
  it('by its employee, whom the scope reaches, its approvers past and present, and HR', async () => {
    const { submit, decide, read, boss, head, peer, stranger, employee, send, as, act } = await company()
    const { id, version } = await submit()
    const status = async (who: string) => (await read(id, who)).status
    expect([await status(employee), await status(boss), await status(head), await status(peer)]).toEqual([
      200, 200, 404, 404,
    ])
    const asManager = (who: string) =>
      send('getRequest', { requestId: id, scope: reports(who) }, as(who, 'manager:reports'))
    expect((await asManager(head)).body).toMatchObject({ id, allowedActions: [] })
    expect(await asManager(stranger)).toMatchObject(problem(404, 'leave-request-not-found'))
    await decide({ id, version }, boss)
    expect(await status(boss)).toBe(200)
    const list = async (who: string, scope: ReturnType<typeof self> | ReturnType<typeof reports>) =>
      (await act('listRequests', { scope }, as(who, 'manager:reports'))).items.map((one) => one.id)
    expect(await list(employee, self(employee))).toEqual([id])
    expect(await list(boss, self(boss))).toEqual([id])
    expect(await list(head, self(head))).toEqual([])
    expect(await list(head, reports(head))).toEqual([id])
    expect(await list(stranger, reports(stranger))).toEqual([])
  })

  it('in no other company', async () => {
    const { submit } = await company()
    const { id } = await submit()
    expect(await leave.company().send('getRequest', { requestId: id, scope: everything })).toMatchObject(
      problem(404, 'leave-request-not-found'),
    )
  })
})

describe('a delegation', () => {
  it('lets the delegate see and decide what waits for the approver, while it lasts, through others too', async () => {
    const { submit, delegate, decide, queue, read, boss, peer, stranger, employee } = await company()
    const [first, second, third] = [
      await submit('2026-05-04'),
      await submit('2026-05-05'),
      await submit('2026-05-06'),
    ]
    await delegate(boss, peer, '2026-03-03', '2026-03-31')
    expect([await queue(peer), (await read(first.id, peer)).status]).toEqual([[], 404])
    // 3 March in Berlin.
    leave.setNow('2026-03-02T23:30:00Z')
    expect(await queue(peer)).toEqual([first.id, second.id, third.id])
    expect((await decide(first, peer)).body).toMatchObject({
      state: 'approved',
      approvals: [{ approverId: boss, decidedBy: peer }],
    })
    expect(await delegate(peer, stranger)).toMatchObject({ status: 200 })
    expect(await queue(stranger)).toEqual([second.id, third.id])
    expect(await decide(second, stranger)).toMatchObject({ status: 200 })
    leave.setNow('2026-04-01T09:00:00Z')
    expect(await queue(peer)).toEqual([])
    expect(await decide(third, peer)).toMatchObject(problem(404, 'leave-request-not-found'))
    // What was decided stays visible.
    expect(await read(first.id, peer)).toMatchObject({ status: 200, body: { allowedActions: [] } })
    expect((await read(third.id, employee)).status).toBe(200)
  })

  it('does not let anybody decide their own request', async () => {
    const { submit, delegate, decide, queue, boss, employee } = await company()
    const made = await submit()
    await delegate(boss, employee)
    expect(await queue(employee)).toEqual([])
    expect(await decide(made, employee)).toMatchObject(problem(403, 'own-request'))
  })

  it('is refused to oneself, in a circle, to nobody, for others, twice, and backwards', async () => {
    const { delegate, boss, peer, head, stranger, employee, send, as, hire } = await company()
    const made = await delegate(boss, peer, '2026-03-10', '2026-03-20')
    expect(await delegate(boss, boss)).toMatchObject(
      problem(422, 'delegation-to-oneself', { pointer: '/delegateId' }),
    )
    await delegate(peer, head, '2026-03-15', '2026-04-30')
    expect(await delegate(head, boss, '2026-03-01', '2026-03-15')).toMatchObject(
      problem(422, 'delegation-circle', {
        pointer: '/delegateId',
        detail: 'On 2026-03-15 the delegate delegates to who delegates, perhaps through others',
      }),
    )
    expect(await delegate(head, boss, '2026-03-01', '2026-03-14')).toMatchObject({ status: 200 })
    expect(await delegate(boss, stranger, '2026-03-20', '2026-03-21')).toMatchObject(
      problem(409, 'delegation-overlap'),
    )
    const gone = await hire({ leavesOn: '2026-03-01' })
    for (const nobody of ['00000000-0000-7000-8000-000000000001', gone])
      expect(await delegate(stranger, nobody)).toMatchObject(
        problem(422, 'reference-unknown', { pointer: '/delegateId' }),
      )
    expect(await delegate(stranger, peer, '2026-03-02', '2026-03-01')).toMatchObject(
      problem(422, 'ends-before-start', { pointer: '/endsOn' }),
    )
    const foreign = { delegatorId: boss, delegateId: peer, startsOn: '2026-05-01', endsOn: '2026-05-02' }
    expect(
      await send('createDelegation', { ...foreign, scope: reports(head) }, as(head, 'manager:reports')),
    ).toMatchObject(problem(404, 'employee-not-found', { pointer: '/delegatorId' }))
    expect(await send('createDelegation', { ...foreign, scope: everything })).toMatchObject({ status: 200 })
    const end = { delegationId: String(made.body.id), expectedVersion: 1 }
    expect(await send('endDelegation', { ...end, scope: self(employee) }, as(employee))).toMatchObject(
      problem(404, 'delegation-not-found'),
    )
  })

  it('can be taken back', async () => {
    const { submit, delegate, queue, act, send, boss, peer, stranger, as, events } = await company()
    await submit()
    const { body } = await delegate(boss, peer)
    const list = async (who: string) =>
      (await act('listDelegations', { employeeId: who, scope: self(who) }, as(who))).items.map(({ id }) => id)
    expect([await list(boss), await list(peer), await list(stranger)]).toEqual([[body.id], [body.id], []])
    const id = String(body.id)
    const end = { delegationId: id, expectedVersion: 1, scope: self(boss) }
    expect(await send('endDelegation', { ...end, expectedVersion: 2 }, as(boss))).toMatchObject(
      problem(412, 'version-conflict'),
    )
    await act('endDelegation', end, as(boss))
    expect([await queue(peer), await list(boss)]).toEqual([[], []])
    expect(await send('endDelegation', end, as(boss))).toMatchObject(problem(404, 'delegation-not-found'))
    expect(await delegate(boss, stranger)).toMatchObject({ status: 200 })
    expect(await events(id)).toEqual(['delegation-created 1 ', 'delegation-ended 2 '])
  })
})

describe('an open approval finds its new approver', () => {
  const done = async (events: () => Promise<string[]>) =>
    until(async () => (await events()).some((event) => event.startsWith('leave-approver-changed')))

  it('when the employee gets another manager', async () => {
    const { submit, hire, queue, boss, employee, stranger, events } = await company()
    const { id } = await submit()
    await hire({ id: employee, version: 2, managerId: stranger })
    await done(() => events(id))
    expect([await queue(boss), await queue(stranger)]).toEqual([[], [id]])
    // A state of the employee that changes nothing about it tells nothing.
    await hire({ id: employee, version: 3, managerId: stranger, number: 'other' })
    expect(await events(id)).toEqual(['leave-requested 1 ', 'leave-approver-changed 2 approvals'])
  })

  it('when the approver leaves', async () => {
    const { submit, hire, queue, boss, head, events } = await company()
    const { id } = await submit()
    await hire({ id: boss, version: 2, managerId: head, leavesOn: '2026-03-01' })
    await done(() => events(id))
    expect(await queue(head)).toEqual([id])
  })

  it('when a leaving that was planned has come', async () => {
    const { submit, hire, queue, boss, head, events } = await company()
    const { id } = await submit('2026-03-30')
    await hire({ id: boss, version: 2, managerId: head, leavesOn: '2026-03-10' })
    const look = () => findApproversOfMoved(leave.db.database, testCall(''), leave.clock)
    for (const [now, waitsFor] of [
      ['2026-03-10T09:00:00Z', boss],
      ['2026-03-11T09:00:00Z', head],
    ] as const) {
      leave.setNow(now)
      await look()
      expect(await queue(waitsFor)).toEqual([id])
    }
    await look()
    expect(await events(id)).toEqual(['leave-requested 1 ', 'leave-approver-changed 2 approvals'])
  })

  it('when the manager’s manager changes, and steps that are decided stay', async () => {
    const { submit, hire, queue, decide, boss, stranger, events } = await company({
      approval: [{ approver: 'manager' }, { approver: 'managers-manager' }],
    })
    const made = await submit()
    await decide(made, boss)
    await hire({ id: boss, version: 2, managerId: stranger })
    await done(() => events(made.id))
    expect(await queue(stranger)).toEqual([made.id])
  })
})
