import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { encodeRoles, identityHeaders } from '#kit/caller.ts'
import { type Comparison, compare, median } from './compare.ts'
import { connections, once, type Request } from './load.ts'
import { cost, peakResident } from './processes.ts'
import { compareReads } from './reads.ts'
import { record } from './record.ts'
import { costly, report, say } from './report.ts'
import { type Cast, repeatable, type Script } from './script.ts'
import { type Company, tidy, type World } from './world.ts'

/** To what the clock of leave is set. */
export const now = '2027-02-01T09:00:00Z'

const scope = { reach: 'all' }

/** Accruals of a tenth of some accounts and of all; then balances, calendar and requests in a company of its own. */
export async function benchLeave(world: World, accounts: number): Promise<void> {
  for (const count of [accounts / 10, accounts]) await accrue(world, count)
  await benchRequests(world)
}

/** The ledgers of a company begin in January, and its clock is in February. */
async function accrue(world: World, accounts: number): Promise<void> {
  const company = await companyOf(world, {
    people: accounts,
    since: '2027-01-01',
    rules: { accrual: { amount: 30, frequency: 'monthly' } },
  })
  await tidy(world, 'leave')
  const opened = await run(world, company, '2027-01-31')
  await tidy(world, 'leave')
  const booked = await run(world, company)
  const peak = peakResident(world.pids.leaveWorker)
  say(`Opening of ${accounts} accounts with an accrual in each: ${costly(opened)}`)
  say(
    `Accrual of ${accounts} accounts: ${costly(booked)}  (aim for 100000 under 20 s); peak memory: worker ${peak.toFixed(0)} MB`,
  )
}

/** What a run costs the worker and the database. */
function run(world: World, company: Company, through?: string) {
  const { leaveWorker, postgres } = world.pids
  return cost([leaveWorker, postgres], async () => {
    const { id } = await ask<{ id: string }>(world, company, 'startLeaveRun', { through, scope })
    for (;;) {
      const { state, progress } = await ask<{ state: string; progress: { failed: number } }>(
        world,
        company,
        'getLeaveRun',
        { runId: id, scope },
      )
      if (progress.failed > 0) throw new Error(`${progress.failed} accounts could not be settled`)
      if (state === 'done') return
      await sleep(50)
    }
  })
}

/** Half of them ask for leave through the service; what the database was sent for that is repeated for the others. */
const people = 1000

/** Balances, the calendar and requests of people who have a long ledger. */
async function benchRequests(world: World): Promise<void> {
  const company = await companyOf(world, {
    people,
    since: '2023-01-01',
    rules: { accrual: { amount: 60, frequency: 'weekly' }, carryOver: { max: null } },
  })
  await run(world, company)
  await tidy(world, 'leave')
  const accounts = await accountsOf(world, company)
  const [ours, theirs] = [accounts.slice(0, people / 2), accounts.slice(people / 2)]
  const name = `${ours[0]!.entries} entries`
  report(
    `balances, ${name}`,
    await compareReads(world, company, ['leave'], ours, ({ employeeId }) =>
      asking(asEmployee(company, employeeId), 'listBalances', { employeeId, scope: self(employeeId) }),
    ),
  )
  await reportCalendar(world, company, ours)
  report(`submit leave, ${name}`, await compareSubmits(world, company, ours, theirs), '0.4 at least')
}

interface LeaveCompany extends Company {
  typeId: string
}

interface Account {
  employeeId: string
  /** Of the account and all its lots, in the same order for each. */
  ids: string[]
  entries: number
}

const accountsOf = (world: World, { tenant }: Company): Promise<Account[]> =>
  inLeave(world, async (client) => {
    const { rows } = await client.query<Account>(
      `select a.employee_id as "employeeId",
         array[a.id] || array(select l.id from lot l where l.tenant = a.tenant and l.account_id = a.id
                              order by l.origin, l.year_from) as ids,
         (select count(*)::int from entry e where e.tenant = a.tenant and e.account_id = a.id) as entries
       from account a where a.tenant = $1 order by a.employee_id`,
      [tenant],
    )
    return rows
  })

/** A month of those people, each of whom is away for a week of it. */
async function reportCalendar(
  world: World,
  company: LeaveCompany,
  accounts: readonly Account[],
): Promise<void> {
  for (const [index, { employeeId }] of accounts.entries()) {
    const monday = 1 + 7 * (index % 4)
    await once(world.addresses.leave, submitting(company, employeeId, march(monday), march(monday + 4)))
  }
  await tidy(world, 'leave')
  const calendar = { of: 'reports', from: march(1), to: march(31), limit: accounts.length, scope }
  const look = async (): Promise<number> => {
    const began = performance.now()
    const { people } = await ask<{ people: { away: unknown[] }[] }>(
      world,
      company,
      'getTeamCalendar',
      calendar,
    )
    if (!people.every(({ away }) => away.length === 5)) throw new Error('The calendar lacks somebody')
    return performance.now() - began
  }
  for (let n = 0; n < 100; n++) await look()
  const times: number[] = []
  const { cpu } = await cost([world.pids.leave, world.pids.postgres], async () => {
    while (times.length < 200) times.push(await look())
  })
  const most = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)]!
  say(
    `Calendar of ${accounts.length} people for a month: ${((cpu * 1000) / times.length).toFixed(1)} CPU-ms, ` +
      `${median(times).toFixed(1)} ms, 95 % within ${most.toFixed(1)} ms  (aim under 50 ms)`,
  )
}

const march = (day: number) => `2027-03-${String(day).padStart(2, '0')}`

const submitting = (company: LeaveCompany, employeeId: string, startsOn: string, endsOn: string) =>
  asking(asEmployee(company, employeeId), 'submitRequest', {
    employeeId,
    typeId: company.typeId,
    startsOn,
    endsOn,
    scope: self(employeeId),
  })

/** A day of leave for one after the other, and then the next day. */
async function compareSubmits(
  world: World,
  company: LeaveCompany,
  ours: readonly Account[],
  theirs: readonly Account[],
): Promise<Comparison> {
  // The first three of which are in one week.
  const days = workingDays('2027-04-05', '2027-12-31')
  const submit = ({ employeeId }: Account, turn: number) => {
    const day = days[turn]
    if (!day) throw new Error('This machine is so fast that there are too few days to ask for')
    return submitting(company, employeeId, day, day)
  }
  const [model, ...others] = theirs
  const recorded = (turn: number) =>
    record(world, company.tenant, () => once(world.addresses.leave, submit(model!, turn)))
  // What was due is booked with the first.
  await recorded(0)
  const [first, second] = [await recorded(1), await recorded(2)]
  const scripts = Array.from({ length: connections }, (_, connection): Script => {
    const cast: Cast = {
      recorded: idsOf(model!),
      others: others.filter((_, index) => index % connections === connection).map(idsOf),
    }
    return repeatable(first, second, cast)
  })
  let turn = 0
  return compare({
    address: world.addresses.leave,
    servers: [world.pids.leave],
    postgres: world.pids.postgres,
    next: () => submit(ours[turn % ours.length]!, Math.floor(turn++ / ours.length)),
    setup: { url: world.appUrlOf('leave'), scripts },
  })
}

const idsOf = ({ employeeId, ids }: Account) => [employeeId, ...ids]

function workingDays(from: string, to: string): string[] {
  const days: string[] = []
  for (const day = new Date(from); day <= new Date(to); day.setUTCDate(day.getUTCDate() + 1))
    if (day.getUTCDay() % 6 !== 0) days.push(day.toISOString().slice(0, 10))
  return days
}

interface Setting {
  people: number
  /** The first day of the ledgers. */
  since: string
  rules: { accrual: object; carryOver?: object }
}

/** A company with people who report to one another, ten to each, and one leave type. */
async function companyOf(world: World, { people, since, rules }: Setting): Promise<LeaveCompany> {
  const company = world.company()
  const { id: typeId } = await ask<{ id: string }>(world, company, 'createLeaveType', {
    code: 'vacation',
    name: 'Vacation',
    scope,
  })
  await ask(world, company, 'createLeavePolicy', {
    code: 'all',
    name: 'For all',
    typeId,
    effectiveFrom: '2000-01-01',
    rules: { ...rules, approval: [{ approver: 'manager' }] },
    scope,
  })
  await inLeave(world, (client) =>
    client.query(
      `with person as materialized (select n, uuidv7() as id from generate_series(0, $3::int - 1) n),
         known as (insert into company (tenant, since) values ($1, $2)),
         e as (insert into employee (tenant, id, number, source_version)
               select $1, id, 'B' || n, 1 from person),
         m as (insert into employment (tenant, employee_id, joins_on) select $1, id, '2020-01-01' from person)
       insert into employee_terms (tenant, employee_id, valid_from, valid_to, manager_id, time_zone, employment_type,
         fte)
       select $1, p.id, '2020-01-01', 'infinity', boss.id, 'Europe/Berlin', 'permanent', 1
       from person p left join person boss on p.n > 0 and boss.n = (p.n - 1) / 10`,
      [company.tenant, since, people],
    ),
  )
  return { ...company, typeId }
}

/** Some work on leave's database, past its service and its tenants. */
async function inLeave<T>(world: World, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: world.urlOf('leave') })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const self = (employeeId: string) => ({ reach: 'self', employeeId })

/** The same company as one of its people sees it. */
const asEmployee = <T extends Company>(company: T, employeeId: string): T => ({
  ...company,
  headers: {
    ...company.headers,
    [identityHeaders.sub]: employeeId,
    [identityHeaders.emp]: employeeId,
    [identityHeaders.roles]: encodeRoles(['employee:self']),
  },
})

const asking = ({ headers }: Company, operation: string, input: object): Request => ({
  method: 'POST',
  path: `/${operation}`,
  headers: { ...headers, 'idempotency-key': crypto.randomUUID() },
  body: JSON.stringify(input),
})

const ask = <T>(world: World, company: Company, operation: string, input: object) =>
  once(world.addresses.leave, asking(company, operation, input)) as Promise<T>
