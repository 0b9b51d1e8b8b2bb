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

const named = () => ({ code: unique(), name: 'Of the matrix', scope: everything })

/** Nobody has to have earned leave of this type. */
const newType = ({ admin, workforce }: Scene) =>
  workforce.leave('createLeaveType', { ...named(), negativeBalance: { kind: 'unlimited' } }, admin)

const newPolicy = ({ admin, workforce }: Scene, typeId: string) => {
  const rules = { accrual: null, approval: [{ approver: 'manager' as const }] }
  const since = { effectiveFrom: '2020-01-01' }
  return workforce.leave('createLeavePolicy', { ...named(), ...since, typeId, rules }, admin)
}

export const eve = '2024-12-24'
async function newCalendar({ admin, workforce }: Scene) {
  const created = await workforce.leave('createHolidayCalendar', { ...named(), country: 'DE' }, admin)
  const holidays = [{ date: eve, name: 'Eve' }]
  const { calendar } = await workforce.leave(
    'setHolidays',
    { calendarId: created.id, holidays, scope: everything },
    admin,
  )
  return calendar
}

const newPattern = ({ admin, workforce }: Scene) =>
  workforce.leave('createWorkingPattern', { ...named(), weeks: [[480, 480, 480, 480, 480, 0, 0]] }, admin)

const shared = new Map<string, Promise<Rules>>()

async function newRules(scene: Scene): Promise<Rules> {
  const type = await newType(scene)
  const policy = await newPolicy(scene, type.id)
  return { type, policy, calendar: await newCalendar(scene), pattern: await newPattern(scene) }
}

/** The rules that all scenes of a company have in common. */
export async function withRules(scene: Scene): Promise<void> {
  const { tenant } = scene.admin
  if (!shared.has(tenant)) shared.set(tenant, newRules(scene))
  note(scene, await shared.get(tenant)!)
}

/** Something of the scene's own, to be changed. */
export const withType = async (scene: Scene) => note(scene, { type: await newType(scene) })
export const withCalendar = async (scene: Scene) => note(scene, { calendar: await newCalendar(scene) })
export const withPattern = async (scene: Scene) => note(scene, { pattern: await newPattern(scene) })
export async function withPolicy(scene: Scene): Promise<void> {
  await withRules(scene)
  note(scene, { policy: await newPolicy(scene, leaveOf(scene).type.id) })
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
