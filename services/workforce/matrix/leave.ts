import { until } from '#kit/testing.ts'
import { hire, type Person, type Scene, unique } from './scene.ts'

/** What a company has agreed on about leave. */
interface Rules {
  type: { id: string; code: string; version: number }
  policy: { id: string; version: number }
  calendar: { id: string; version: number }
  pattern: { id: string; version: number }
}

/** What the samples of leave need of a scene, beside the scene. */
interface LeaveFacts extends Rules {
  request: { id: string; version: number }
  delegation: { id: string; version: number }
  /** Somebody else of the target's company. */
  colleague: Person
  run: { id: string }
}

const facts = new WeakMap<Scene, Partial<LeaveFacts>>()
const note = (scene: Scene, more: Partial<LeaveFacts>) =>
  void facts.set(scene, { ...facts.get(scene), ...more })

/** What was prepared for the leave of a scene. */
export const leaveOf = (scene: Scene) => facts.get(scene) as LeaveFacts

const everything = { reach: 'all' } as const

/** The cursor of the page that begins with it: lists grow while the matrix is tested. */
export const just = (id: string) => `${id.slice(0, 24)}${'0'.repeat(12)}`

/** A Monday that is far enough away from today for whatever is asked for. */
export const monday = (() => {
  const day = Temporal.Now.plainDateISO('UTC').add({ days: 14 })
  return day.add({ days: 8 - day.dayOfWeek }).toString()
})()

const today = () => Temporal.Now.plainDateISO('UTC').toString()

/** Nobody has to have earned the leave of its type. */
async function newRules({ admin, workforce }: Scene): Promise<Rules> {
  const named = { name: 'Of the matrix', scope: everything }
  const type = await workforce.leave(
    'createLeaveType',
    { ...named, code: unique(), negativeBalance: { kind: 'unlimited' } },
    admin,
  )
  const policy = await workforce.leave(
    'createLeavePolicy',
    {
      ...named,
      code: unique(),
      typeId: type.id,
      effectiveFrom: '2020-01-01',
      rules: { accrual: null, approval: [{ approver: 'manager' }] },
    },
    admin,
  )
  const { id: calendarId } = await workforce.leave(
    'createHolidayCalendar',
    { ...named, code: unique(), country: 'DE' },
    admin,
  )
  const { calendar } = await workforce.leave(
    'setHolidays',
    { calendarId, holidays: [{ date: '2024-12-24', name: 'Eve' }], scope: everything },
    admin,
  )
  const week = [480, 480, 480, 480, 480, 0, 0]
  const pattern = await workforce.leave(
    'createWorkingPattern',
    { ...named, code: unique(), weeks: [week] },
    admin,
  )
  return { type, policy, calendar, pattern }
}

const shared = new Map<string, Promise<Rules>>()

/** The rules that all scenes of a company have in common. */
export async function withRules(scene: Scene): Promise<void> {
  const { tenant } = scene.admin
  if (!shared.has(tenant)) shared.set(tenant, newRules(scene))
  note(scene, await shared.get(tenant)!)
}

/** Rules of the scene's own, to be changed. */
export async function withRulesOfItsOwn(scene: Scene): Promise<void> {
  note(scene, await newRules(scene))
}

/** Leave knows who is in the scene. */
export async function withPeople(scene: Scene): Promise<void> {
  await withRules(scene)
  const { admin, caller, manager, target, workforce } = scene
  const home = { ...admin, tenant: caller.tenant }
  await Promise.all([
    workforce.tellLeaveOf(caller.employee!, home),
    workforce.tellLeaveOf(target.id, admin),
    manager && workforce.tellLeaveOf(manager.id, home),
  ])
}

/** The target has asked for leave; a deputy decides for its manager. */
export async function withRequest(scene: Scene): Promise<void> {
  await withPeople(scene)
  const { admin, caller, manager, relation, target, workforce } = scene
  if (relation === 'deputy') {
    const days = { startsOn: today(), endsOn: monday }
    const between = { delegatorId: manager!.id, delegateId: caller.employee! }
    await workforce.leave('createDelegation', { ...between, ...days, scope: everything }, admin)
  }
  const asked = { typeId: leaveOf(scene).type.id, startsOn: monday, endsOn: monday }
  const request = await workforce.leave(
    'submitRequest',
    { employeeId: target.id, ...asked, scope: everything },
    admin,
  )
  note(scene, { request })
}

export async function withColleague(scene: Scene): Promise<void> {
  await withPeople(scene)
  const { admin, workforce } = scene
  const colleague = await hire(workforce, admin)
  await workforce.tellLeaveOf(colleague.id, admin)
  note(scene, { colleague })
}

/** The target has a deputy. */
export async function withDelegation(scene: Scene): Promise<void> {
  await withColleague(scene)
  const { admin, target, workforce } = scene
  const between = { delegatorId: target.id, delegateId: leaveOf(scene).colleague.id }
  const delegation = await workforce.leave(
    'createDelegation',
    { ...between, startsOn: monday, endsOn: monday, scope: everything },
    admin,
  )
  note(scene, { delegation })
}

/** No run is under way in the caller's company and the target's. */
export async function withoutRun({ admin, caller, workforce }: Scene): Promise<void> {
  for (const tenant of new Set([admin.tenant, caller.tenant]))
    await until(async () => {
      const hr = { ...admin, tenant }
      const { items } = await workforce.leave('listLeaveRuns', { limit: 1, scope: everything }, hr)
      return items.every(({ state }) => state === 'done')
    }, 60_000)
}

export async function withRun(scene: Scene): Promise<void> {
  await withoutRun(scene)
  const { admin, workforce } = scene
  note(scene, { run: await workforce.leave('startLeaveRun', { scope: everything }, admin) })
  await withoutRun(scene)
}
