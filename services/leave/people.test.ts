import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCall } from '#kit/testing.ts'
import { book } from './fixtures/booked.ts'
import { loadPerson } from './store/people.ts'
import { everything, type Leave, lifecycleOf, problem, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())

describe('what lifecycle tells of an employee', () => {
  const terms = {
    effectiveFrom: '2020-01-01',
    effectiveTo: null,
    managerId: null,
    orgUnitId: null,
    location: 'Leeds',
    timeZone: 'Europe/London',
    employmentType: 'permanent',
    fte: 0.615,
  } as const
  const state = (sourceVersion: number, location = 'Leeds', employeeNumber = '1') => ({
    sourceVersion,
    employeeNumber,
    employments: [{ joinsOn: '2020-01-01', leavesOn: null }],
    terms: [{ ...terms, location }],
  })

  it('is known from then on, and a late or doubled state of it changes nothing', async () => {
    const { act, hire, tenant } = leave.company()
    const employeeId = await hire()
    const put = (sourceVersion: number, location: string) =>
      act('putEmployee', { employeeId, ...state(sourceVersion, location) }, lifecycleOf(tenant))
    expect(await put(3, 'York')).toEqual({ employeeId, applied: true, sourceVersion: 3 })
    expect(await put(2, 'Leeds')).toEqual({ employeeId, applied: false, sourceVersion: 3 })
    expect(await put(3, 'Hull')).toEqual({ employeeId, applied: false, sourceVersion: 3 })
    const person = await leave.db.database.read(testCall(tenant), (tx) => loadPerson(tx, employeeId))
    expect(person.terms).toEqual([
      {
        from: '2020-01-01',
        to: null,
        managerId: null,
        orgUnitId: null,
        location: 'York',
        timeZone: 'Europe/London',
        employmentType: 'permanent',
        fte: 615,
      },
    ])
  })

  it('is the newest state in the end, in whatever order many arrive at once', async () => {
    const { act, tenant } = leave.company()
    const employeeId = randomUUIDv7()
    const versions = [4, 1, 5, 2, 3, 5, 1, 4]
    await Promise.all(
      versions.map((version) =>
        act('putEmployee', { employeeId, ...state(version, `Place ${version}`) }, lifecycleOf(tenant)),
      ),
    )
    const person = await leave.db.database.read(testCall(tenant), (tx) => loadPerson(tx, employeeId))
    expect(person).toMatchObject({ sourceVersion: 5, terms: [{ location: 'Place 5' }] })
  })

  it('is told of many at once, of whom some are known', async () => {
    const { act, send, tenant } = leave.company()
    const [known, erased, unknown] = [randomUUIDv7(), randomUUIDv7(), randomUUIDv7()]
    const left = { ...state(5), employments: [{ joinsOn: '2020-01-01', leavesOn: '2021-01-01' }] }
    await act('putEmployee', { employeeId: known, ...state(3, 'York') }, lifecycleOf(tenant))
    await act('putEmployee', { employeeId: erased, ...left }, lifecycleOf(tenant))
    await act('eraseEmployee', { employeeId: erased, scope: everything }, lifecycleOf(tenant))
    const tell = (...employees: string[]) => ({
      employees: employees.map((employeeId) => ({ employeeId, ...state(2, 'Hull') })),
    })
    expect(await act('putEmployees', tell(unknown, known, erased), lifecycleOf(tenant))).toEqual({
      items: [
        { employeeId: unknown, applied: true, sourceVersion: 2 },
        { employeeId: known, applied: false, sourceVersion: 3 },
        { employeeId: erased, applied: false, sourceVersion: 5 },
      ],
    })
    const load = (id: string) => leave.db.database.read(testCall(tenant), (tx) => loadPerson(tx, id))
    expect([await load(unknown), await load(known)]).toMatchObject([
      { sourceVersion: 2, terms: [{ location: 'Hull' }] },
      { sourceVersion: 3, terms: [{ location: 'York' }] },
    ])
    expect(await send('putEmployees', tell(known, known), lifecycleOf(tenant))).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/employees', rule: 'employee-once' }] },
    })
  })

  it('makes what is booked and requested be rated anew only where it changes what that goes by', async () => {
    const { act, tenant } = leave.company()
    const employeeId = randomUUIDv7()
    const jobs = async () => {
      const rows = await leave.db.sudo(
        `select 1 from graphile_worker._private_jobs where payload ->> 'employeeId' = $1`,
        [employeeId],
      )
      return rows.length
    }
    const put = async (...given: Parameters<typeof state>) => {
      await act('putEmployee', { employeeId, ...state(...given) }, lifecycleOf(tenant))
      return jobs()
    }
    expect(await put(1)).toBe(0)
    expect(await put(2, 'Leeds', 'another number')).toBe(0)
    expect(await put(3, 'York')).toBe(1)
  })

  it('is told by background work only', async () => {
    const { send } = leave.company()
    const input = { employeeId: randomUUIDv7(), ...state(1) }
    expect(await send('putEmployee', input)).toMatchObject(problem(403, 'forbidden'))
  })
})

describe('erasing a person', () => {
  const erase = (employeeId: string) => ({ employeeId, scope: everything })

  it('waits until the person has left', async () => {
    const { hire, send, tenant } = leave.company()
    leave.setNow('2026-03-02T09:00:00Z')
    const [staying, leaving, left] = [
      await hire(),
      await hire({ leavesOn: '2026-03-02' }),
      await hire({ leavesOn: '2026-03-01' }),
    ]
    const answers = []
    for (const who of [staying, leaving, left, randomUUIDv7()])
      answers.push(await send('eraseEmployee', erase(who), lifecycleOf(tenant)))
    expect(answers).toMatchObject([
      problem(409, 'still-employed'),
      problem(409, 'still-employed'),
      { status: 200, body: { employeeId: left, erased: true } },
      problem(404, 'employee-not-found'),
    ])
  })

  it('leaves no word of the person, and the ledger as it was', async () => {
    const { act, hire, tenant } = leave.company()
    const employeeId = await hire({ leavesOn: '2021-06-30', number: 'Secret number' })
    const other = await hire()
    await book(leave.db, { tenant, employeeId, delegateId: other, words: 'Secret words' })
    await book(leave.db, { tenant, employeeId: other, delegateId: employeeId, words: 'Words that stay' })
    const exported = async (of: string) => {
      const { items } = await act('exportLeave', { employeeId: of }, lifecycleOf(tenant))
      return items[0]!
    }
    const [before, others] = [await exported(employeeId), await exported(other)]

    const erased = { employeeId, erased: true }
    expect(await act('eraseEmployee', erase(employeeId), lifecycleOf(tenant))).toEqual(erased)
    expect(await act('eraseEmployee', erase(employeeId), lifecycleOf(tenant))).toEqual(erased)
    const after = await exported(employeeId)
    expect(after.accounts[0]!.entries).toEqual(
      before.accounts[0]!.entries.map((entry) => ({ ...entry, reason: null })),
    )
    expect(after.requests).toMatchObject([{ note: null, cancelReason: null, approvals: [{ comment: null }] }])
    expect(await exported(other)).toEqual(others)
    expect(await leave.tablesWith('Secret')).toEqual([])
  })

  it('finds the words wherever operations have written them', async () => {
    const { act, as, hire, hr, request, tenant, type } = leave.company()
    leave.setNow('2026-03-02T09:00:00Z')
    const employeeId = await hire({ leavesOn: '2026-06-30' })
    const { id: typeId } = await type({ approval: [{ approver: 'hr' }] })
    const words = 'Classified words'
    const account = { employeeId, typeId, reason: words, scope: everything }
    await act('grantLeave', { ...account, amount: 2, usableFrom: '2026-03-02' })
    await act('adjustBalance', { ...account, amount: -1 })
    const asked = await request(employeeId, typeId, '2026-04-01', '2026-04-01', { note: words })
    const of = (version: number) => ({ requestId: asked.id, expectedVersion: version })
    const decision = { decision: 'approve', comment: words, scope: everything } as const
    const decided = await act('decideRequest', { ...of(asked.version), ...decision }, hr)
    const own = { reach: 'self', employeeId } as const
    await act('cancelRequest', { ...of(decided.version), reason: words, scope: own }, as(employeeId))
    expect((await leave.tablesWith(words)).sort()).toEqual([
      'audit_value',
      'entry_reason',
      'leave_request_text',
    ])

    leave.setNow('2026-07-01T09:00:00Z')
    await act('eraseEmployee', erase(employeeId), lifecycleOf(tenant))
    expect(await leave.tablesWith(words)).toEqual([])
  })

  it('is final: a later state of the employee is not taken over', async () => {
    const { act, hire, tenant } = leave.company()
    const employeeId = await hire({ leavesOn: '2021-06-30' })
    await act('eraseEmployee', erase(employeeId), lifecycleOf(tenant))
    await hire({ id: employeeId, version: 9, number: 'E-1', leavesOn: '2021-06-30' })
    const rows = await leave.db.sudo('select number from employee where id = $1', [employeeId])
    expect(rows).toEqual([{ number: '' }])
  })
})
