import { afterAll, beforeAll, expect, it } from 'vitest'
import { testCall } from '#kit/testing.ts'
import type { Tx } from '#kit/tx.ts'
import { readTeamCalendar } from './store/calendar.ts'
import { everything, type Leave, problem, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())

const march = { from: '2026-03-01', to: '2026-03-31' }
const self = (employeeId: string) => ({ reach: 'self' as const, employeeId })
const reports = (employeeId: string) => ({ reach: 'reports' as const, employeeId })

/** head > boss > two colleagues, and somebody elsewhere. */
async function company() {
  const it = leave.company()
  const head = await it.hire()
  const boss = await it.hire({ managerId: head })
  const [ada, bo] = [
    await it.hire({ managerId: boss }),
    await it.hire({ managerId: boss, terms: { location: 'York' } }),
  ]
  const elsewhere = await it.hire({ managerId: head })
  await it.hire({ managerId: boss, joinsOn: '2026-04-01' })
  const type = await it.type()
  const calendar = async (name: string, more: object) => {
    const { id } = await it.act('createHolidayCalendar', { code: name, name, ...more, scope: everything })
    return (date: string) =>
      it.act('setHolidays', { calendarId: id, holidays: [{ date, name: 'Day' }], scope: everything })
  }
  await (await calendar('all', { isDefault: true }))('2026-03-16')
  await (await calendar('York', { locations: ['York'] }))('2026-03-17')
  const see = (
    who: string,
    of: 'team' | 'reports',
    scope: ReturnType<typeof self> | ReturnType<typeof reports>,
  ) => it.act('getTeamCalendar', { ...march, of, scope }, it.as(who, 'manager:reports'))
  return { ...it, head, boss, ada, bo, elsewhere, type, see }
}

it('shows who of the own team is away, but not why', async () => {
  const { request, ada, bo, boss, type, see } = await company()
  // Friday to Monday: nobody is away on a weekend.
  const own = await request(ada, type.id, '2026-03-06', '2026-03-09')
  await request(bo, type.id, '2026-03-10', '2026-03-10', {
    parts: [{ date: '2026-03-10', take: { part: 'first-half' } }],
  })
  const { people, next } = await see(ada, 'team', self(ada))
  const day = { part: 'full', state: 'pending', requestId: own.id, typeId: type.id }
  expect(next).toBeNull()
  expect(people).toEqual([
    { employeeId: boss, away: [], holidays: ['2026-03-16'] },
    {
      employeeId: ada,
      away: [
        { date: '2026-03-06', ...day },
        { date: '2026-03-09', ...day },
      ],
      holidays: ['2026-03-16'],
    },
    {
      employeeId: bo,
      away: [{ date: '2026-03-10', part: 'first-half', state: 'pending', requestId: null, typeId: null }],
      holidays: ['2026-03-17'],
    },
  ])
})

it('shows a manager in full who is away of those below, and nobody else', async () => {
  const { request, ada, bo, boss, head, elsewhere, type, see, send, act } = await company()
  const { id } = await request(bo, type.id, '2026-03-10')
  const gone = await request(bo, type.id, '2026-03-11')
  await act('cancelRequest', { requestId: gone.id, expectedVersion: 1, scope: everything })
  const ids = (people: { employeeId: string }[]) => people.map(({ employeeId }) => employeeId)
  const below = await see(boss, 'reports', reports(boss))
  expect(ids(below.people)).toEqual([boss, ada, bo])
  expect(below.people[2]!.away).toEqual([
    { date: '2026-03-10', part: 'full', state: 'pending', requestId: id, typeId: type.id },
  ])
  expect(ids((await see(head, 'reports', reports(head))).people)).toEqual([head, boss, ada, bo, elsewhere])
  expect(ids((await see(ada, 'reports', self(ada))).people)).toEqual([ada])
  const first = await act('getTeamCalendar', { ...march, of: 'reports', limit: 3, scope: everything })
  const second = await act('getTeamCalendar', {
    ...march,
    of: 'reports',
    limit: 3,
    cursor: first.next!,
    scope: everything,
  })
  expect([...ids(first.people), ...ids(second.people)]).toEqual([head, boss, ada, bo, elsewhere])
  expect(second.next).toBeNull()
  expect(
    await send(
      'getTeamCalendar',
      { ...march, of: 'reports', scope: reports(head) },
      { ...leave.company().hr },
    ),
  ).toMatchObject({ status: 403 })
})

it('is for 62 days at most', async () => {
  const { send } = await company()
  const ask = (from: string, to: string) =>
    send('getTeamCalendar', { from, to, of: 'reports', scope: everything })
  expect(await ask('2026-03-01', '2026-05-01')).toMatchObject({ status: 200 })
  expect(await ask('2026-03-01', '2026-05-02')).toMatchObject(
    problem(422, 'request-too-long', { pointer: '/to', detail: '63 days are asked for; 62 are shown' }),
  )
  expect(await ask('2026-03-02', '2026-03-01')).toMatchObject(
    problem(422, 'ends-before-start', { pointer: '/to' }),
  )
})

it('takes as many statements for many people as for one', async () => {
  const it = leave.company()
  const [type, boss] = [await it.type(), await it.hire()]
  const people = await Promise.all(Array.from({ length: 30 }, () => it.hire({ managerId: boss })))
  for (const who of people) await it.request(who, type.id, '2026-03-09', '2026-03-13')
  const count = async (who: string) => {
    let statements = 0
    const { people } = await leave.db.database.read(testCall(it.tenant), (tx) => {
      const counting: Tx = {
        ...tx,
        query: (...statement) => {
          statements++
          return tx.query(...statement)
        },
      }
      const asked = { ...march, of: 'reports', limit: 500, scope: reports(who) } as const
      return readTeamCalendar(counting, asked, leave.clock())
    })
    return { statements, people: people.length, days: people.flatMap(({ away }) => away).length }
  }
  const one = await count(people[0]!)
  expect(one).toEqual({ statements: one.statements, people: 1, days: 5 })
  expect(await count(boss)).toEqual({ statements: one.statements, people: 31, days: 150 })
})
