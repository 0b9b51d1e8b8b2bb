import { z } from 'zod'
import type { InputOf } from '#kit/contract.ts'
import { leaveContract } from '../../services/leave/contract.ts'
import { all, type clientsAs } from './client.ts'
import type { Company } from './company.ts'
import type { Country } from './names.ts'
import { sites } from './organization.ts'
import type { Person } from './staff.ts'

/** Somebody who does something. */
interface Actor {
  account: string
  employeeId: string
}

interface LeaveSeeding {
  company: Company
  /** The day that the company is generated for. */
  today: string
  tenant: string
  as: ReturnType<typeof clientsAs>
  /** Employees by their numbers. */
  employees: ReadonlyMap<string, { id: string }>
  hrAdmin: Actor
}

const scope = { reach: 'all' } as const

/**
 * What the company has agreed on about leave, and some requests around those who have demo accounts. Leave is told of
 * these people here; of everybody else lifecycle tells it, as of all that changes later.
 */
export async function enterLeave(seeding: LeaveSeeding): Promise<void> {
  const types = await enterRules(seeding)
  await tellPeople(seeding, actorsOf(seeding.company))
  await enterRequests(seeding, types)
}

type Types = Record<'vacation' | 'sick' | 'unpaid', string>

type Rules = InputOf<typeof leaveContract.operations.createLeavePolicy>['rules']

const vacations: Record<Country, Rules['accrual']> = {
  DE: { amount: 30 },
  CN: { amount: 10, steps: [{ afterYears: 10, amount: 15 }] },
  US: { amount: 15, steps: [{ afterYears: 5, amount: 20 }], frequency: 'monthly', timing: 'end' },
}
const calendars = {
  DE: { code: 'DE-BE', name: 'Berlin', country: 'DE', region: 'BE' },
  CN: { code: 'CN', name: '中国', country: 'CN' },
  US: { code: 'US-IL', name: 'Illinois', country: 'US', region: 'IL' },
} as const
const countries = Object.keys(sites) as Country[]

async function enterRules({ as, tenant, hrAdmin, today }: LeaveSeeding): Promise<Types> {
  const { leave } = as({ tenant, account: hrAdmin.account }, 'hr-admin:all')
  const fulltime = [480, 480, 480, 480, 480, 0, 0]
  await leave.createWorkingPattern({
    code: '5x8',
    name: 'Five days',
    weeks: [fulltime],
    isDefault: true,
    scope,
  })
  const year = Number(today.slice(0, 4))
  for (const country of countries) {
    const locations = [sites[country].location]
    const { id: calendarId } = await leave.createHolidayCalendar({ ...calendars[country], locations, scope })
    await leave.addPublicHolidays({ calendarId, years: [year, year + 1], scope }, { step: calendarId })
  }

  const vacation = await leave.createLeaveType({ code: 'VAC', name: 'Vacation', scope })
  const unlimited = { negativeBalance: { kind: 'unlimited' }, scope } as const
  const sick = await leave.createLeaveType({ code: 'SICK', name: 'Sick leave', ...unlimited })
  const unpaid = await leave.createLeaveType({
    code: 'UNPAID',
    name: 'Unpaid leave',
    paid: false,
    ...unlimited,
  })
  const effectiveFrom = `${year - 1}-01-01`
  for (const country of countries)
    await leave.createLeavePolicy({
      code: `VAC-${country}`,
      name: `Vacation, ${sites[country].location}`,
      typeId: vacation.id,
      effectiveFrom,
      rules: {
        eligibility: { locations: [sites[country].location] },
        accrual: vacations[country],
        carryOver: { max: 5, expiresAfterMonths: 3 },
        booking: { ahead: true },
        approval: [{ approver: 'manager' }, { approver: 'managers-manager', longerThanDays: 10 }],
      },
      scope,
    })
  const withoutAccrual = { effectiveFrom, scope }
  await leave.createLeavePolicy({
    code: 'SICK',
    name: 'Sick leave',
    typeId: sick.id,
    rules: { accrual: null, approval: [{ approver: 'manager' }] },
    ...withoutAccrual,
  })
  await leave.createLeavePolicy({
    code: 'UNPAID',
    name: 'Unpaid leave',
    typeId: unpaid.id,
    rules: { accrual: null, approval: [{ approver: 'manager' }, { approver: 'hr' }] },
    ...withoutAccrual,
  })
  return { vacation: vacation.id, sick: sick.id, unpaid: unpaid.id }
}

/** Who asks for leave, and who decides. */
function actorsOf({ people, demo }: Company) {
  const of = (number: string | undefined) => people.find((person) => person.number === number)!
  const employee = of(demo.employee)
  const lead = of(employee.manager)
  const manager = of(demo.manager)
  const reportsOf = (boss: Person) => people.filter((person) => person.manager === boss.number)
  const colleagues = reportsOf(lead).filter(({ number }) => number !== employee.number)
  const leads = reportsOf(manager).filter(({ number }) => number !== lead.number)
  return { employee, lead, manager, colleagues, leads, above: [of(manager.manager), of(demo.hrAdmin)] }
}

const { terms } = leaveContract.operations.putEmployee.input.shape
const { employments } = leaveContract.operations.putEmployee.input.shape
/** Of what directory knows, what leave takes. */
const facts = z.object({
  employments: z.array(z.object(employments.element.shape)),
  terms: z.array(z.object(terms.element.shape)),
})

async function tellPeople(
  { as, tenant, employees }: LeaveSeeding,
  { employee, lead, manager, colleagues, leads, above }: ReturnType<typeof actorsOf>,
): Promise<void> {
  const { directory, leave } = as({ tenant, account: 'job:seed' })
  const concerned = [employee, lead, manager, ...colleagues, ...leads, ...above]
  const ids = new Set(concerned.map(({ number }) => employees.get(number)!.id))
  const exported = await all((cursor) => directory.exportEmployees({ limit: 200, ...cursor }))
  await Promise.all(
    exported
      .filter(({ id }) => ids.has(id))
      .map(({ id: employeeId, employeeNumber, version: sourceVersion, employments, versions }) =>
        leave.putEmployee(
          { employeeId, employeeNumber, sourceVersion, ...facts.parse({ employments, terms: versions }) },
          { step: employeeId },
        ),
      ),
  )
}

async function enterRequests(seeding: LeaveSeeding, types: Types): Promise<void> {
  const { as, tenant, company, employees, hrAdmin, today } = seeding
  const { employee, lead, manager, colleagues, leads } = actorsOf(company)
  const idOf = ({ number }: Person) => employees.get(number)!.id
  const leaveOf = (person: Person) => {
    const employeeId = idOf(person)
    const { leave } = as({ tenant, account: employeeId, employeeId }, 'employee:self')
    return { leave, employeeId, scope: { reach: 'self', employeeId } as const }
  }
  const hr = as({ tenant, ...hrAdmin }, 'hr-admin:all').leave

  /** From the Monday so many weeks ahead. */
  const request = async (person: Person, typeId: string, inWeeks: number, days: number, note?: string) => {
    const { leave, employeeId, scope } = leaveOf(person)
    const day = Temporal.PlainDate.from(today)
    const startsOn = day.add({ days: 8 - day.dayOfWeek, weeks: inWeeks - 1 })
    const endsOn = startsOn.add({ days: days - 1 }).toString()
    const asked = { employeeId, typeId, startsOn: startsOn.toString(), endsOn, ...(note && { note }) }
    return leave.submitRequest({ ...asked, scope })
  }
  const decide = async (
    person: Person,
    { id, version }: { id: string; version: number },
    comment?: string,
  ) => {
    const { leave, scope } = leaveOf(person)
    const decision = comment ? 'reject' : 'approve'
    const how = { decision, ...(comment && { comment }) } as const
    await leave.decideRequest({ requestId: id, expectedVersion: version, ...how, scope })
  }

  const [first, second, third] = colleagues as [Person, Person, Person]
  const [otherLead, nextLead] = leads as [Person, Person]
  await decide(lead, await request(employee, types.vacation, 3, 3))
  await decide(lead, await request(first, types.vacation, 2, 5))
  await decide(lead, await request(second, types.unpaid, 4, 5, 'Wedding abroad'), 'We ship that week')
  const fallenIll = await request(third, types.sick, 1, 2)
  await hr.cancelRequest({
    requestId: fallenIll.id,
    expectedVersion: fallenIll.version,
    reason: 'Is well again',
    scope,
  })
  await decide(manager, await request(otherLead, types.vacation, 2, 4))

  // What waits for the manager: of her own report, and as deputy of a lead who is away.
  const days = { startsOn: today, endsOn: Temporal.PlainDate.from(today).add({ months: 6 }).toString() }
  const { leave, employeeId, scope: own } = leaveOf(lead)
  await leave.createDelegation({ delegatorId: employeeId, delegateId: idOf(manager), ...days, scope: own })
  await request(nextLead, types.vacation, 5, 5)
  await request(employee, types.vacation, 6, 4, 'Visiting my parents')
  await request(manager, types.vacation, 7, 5)
}
