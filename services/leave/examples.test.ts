import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { z } from 'zod'
import type { policyRules } from './contract/schemas.ts'
import { addDays } from './domain/dates.ts'
import { type Company, everything, type Leave, lifecycleOf, startLeave } from './testing.ts'

/** The table in the README, executed: each phrase of a cell is one of those below. */

interface Example {
  name: string
  rules: string[]
  story: string[]
  results: string[]
}

const readme = await readFile(new URL('./README.md', import.meta.url), 'utf8')
const section = readme.split(/^## /m).find((part) => part.startsWith('Worked examples'))
const examples = (section ?? '')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line): Example => {
    const [name, rules, story, results] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    const phrases = (cell = '') => cell.split(';').map((phrase) => phrase.trim())
    return { name: name!, rules: phrases(rules), story: phrases(story), results: phrases(results) }
  })

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())

it('has a table', () => {
  expect(examples.length).toBeGreaterThan(20)
})

it.each(examples)('$name', async (example) => {
  const world = await begin(example)
  for (const phrase of example.story) await say(happenings, phrase, world)
  for (const phrase of example.results) await say(outcomes, phrase, world)
})

/** What is known of somebody's leave while a story is told. */
interface World {
  company: Company
  employee: string
  manager: string
  type: string
  policy: Awaited<ReturnType<Company['type']>>['policy']
  /** What directory would know. */
  facts: {
    version: number
    joinsOn: string
    leavesOn?: string
    zone: string
    fte: [from: string, fte: number][]
  }
  holidays?: string
  requests: { id: string; version: number; amount: number }[]
  /** What refused the last request. */
  refused?: string
}

type Phrases<T extends unknown[]> = [RegExp, (...given: [...T, ...found: string[]]) => unknown][]

/** Does what a phrase says; one that nobody knows is an error. */
async function say<T extends unknown[]>(phrases: Phrases<T>, phrase: string, ...given: T): Promise<void> {
  for (const [pattern, act] of phrases) {
    const found = pattern.exec(phrase)
    if (found) return void (await act(...given, ...found.slice(1)))
  }
  throw new Error(`The table says "${phrase}", which the test does not understand`)
}

const date = String.raw`(\d{4}-\d{2}-\d{2})`
const number = String.raw`(-?[\d.]+)`
const phrase = (parts: TemplateStringsArray, ...values: string[]) =>
  new RegExp(`^${String.raw(parts, ...values)}$`)

type Rules = z.input<typeof policyRules>
type Accrual = NonNullable<Rules['accrual']>

/** Rules, and which type of leave they are for. */
const given: Phrases<
  [
    rules: { [K in keyof Rules]: Rules[K] } & { accrual: Accrual },
    type: {
      unit?: 'day' | 'hour'
      negativeBalance?: { kind: 'capped'; limit: number } | { kind: 'unlimited' }
    },
  ]
> = [
  [
    phrase`${number} (day|hour)s a year`,
    (rules, type, amount, unit) => {
      rules.accrual.amount = Number(amount)
      type.unit = unit as 'day' | 'hour'
    },
  ],
  [
    phrase`(half-yearly|quarterly|monthly|weekly|daily)( at the end)?`,
    ({ accrual }, _, frequency, end) => {
      accrual.frequency = frequency as 'monthly'
      accrual.timing = end ? 'end' : 'start'
    },
  ],
  [
    phrase`years from (.+)`,
    ({ accrual }, _, start) => {
      accrual.yearStart = start!
    },
  ],
  [
    phrase`${number} after (\d+) years`,
    ({ accrual }, _, amount, years) => {
      accrual.steps = [...(accrual.steps ?? []), { afterYears: Number(years), amount: Number(amount) }]
    },
  ],
  [
    phrase`stops at ${number}`,
    ({ accrual }, _, cap) => {
      accrual.balanceCap = Number(cap)
    },
  ],
  [
    phrase`carries over ${number}(?: for (\d+) months)?`,
    (rules, _, max, months) => {
      rules.carryOver = { max: Number(max), expiresAfterMonths: months ? Number(months) : null }
    },
  ],
  [
    phrase`what will have accrued counts`,
    (rules) => {
      rules.booking = { ahead: true }
    },
  ],
  [
    phrase`may owe ${number}`,
    (_, type, limit) => {
      type.negativeBalance = { kind: 'capped', limit: Number(limit) }
    },
  ],
]

/** What happens, at nine o'clock of a day in UTC or at an instant. */
const at = String.raw`(\d{4}-\d{2}-\d{2}(?:T[\d:]+Z)?)`
const turn = (instant: string) => leave.setNow(instant.includes('T') ? instant : `${instant}T09:00:00Z`)

const happenings: Phrases<[World]> = [
  [
    phrase`joins ${date}(?: and leaves ${date})?(?: in (\S+/\S+))?`,
    (world, joinsOn, leavesOn, zone) => {
      Object.assign(world.facts, {
        joinsOn,
        ...(leavesOn ? { leavesOn } : {}),
        zone: zone ?? 'Europe/Berlin',
      })
      return tell(world)
    },
  ],
  [
    phrase`works (\d+) %(?: from ${date})?`,
    (world, percent, from) => {
      world.facts.fte.push([from ?? world.facts.joinsOn, Number(percent) / 100])
      return tell(world)
    },
  ],
  [
    phrase`works (.+) hours from Monday to Sunday`,
    ({ company }, hours) => company.pattern([hours!.split(' ').map((one) => Number(one) * 60)]),
  ],
  [phrase`${date} is a holiday( from noon)?`, (world, day, noon) => holiday(world, day!, noon)],
  [
    phrase`${at} ${date} becomes a holiday( from noon)?`,
    async (world, now, day, noon) => {
      turn(now!)
      await holiday(world, day!, noon)
      await catchUp(world)
    },
  ],
  [
    phrase`${at} works (\d+) % from ${date}`,
    async (world, now, percent, from) => {
      turn(now!)
      world.facts.fte.push([from!, Number(percent) / 100])
      await tell(world)
      await catchUp(world)
    },
  ],
  [
    phrase`${at} is told to leave ${date}`,
    async (world, now, leavesOn) => {
      turn(now!)
      world.facts.leavesOn = leavesOn!
      await tell(world)
      await catchUp(world)
    },
  ],
  [
    phrase`${at} requests ${date}(?: to ${date})?(?: (in the morning|in the afternoon|for (\d+) minutes))?`,
    request,
  ],
  [
    phrase`${at} is approved`,
    (world, now) => {
      turn(now!)
      return change(world, 'decideRequest', { decision: 'approve' as const }, world.manager)
    },
  ],
  [
    phrase`${at} (HR )?cancels`,
    (world, now, hr) => {
      turn(now!)
      return change(world, 'cancelRequest', {}, hr ? null : world.employee)
    },
  ],
  [
    phrase`${at} is granted ${number} until ${date}`,
    ({ company, employee, type }, now, amount, usableTo) => {
      turn(now!)
      const grant = {
        amount: Number(amount),
        usableFrom: now!.slice(0, 10),
        usableTo: usableTo!,
        reason: 'Earned',
      }
      return company.act('grantLeave', { employeeId: employee, typeId: type, ...grant, scope: everything })
    },
  ],
  [
    phrase`${at} the run comes(?: (twice))?`,
    async (world, now, twice) => {
      turn(now!)
      for (const _ of twice ? [1, 2] : [1]) {
        await world.company.act('startLeaveRun', { scope: everything })
        await catchUp(world)
      }
    },
  ],
  [phrase`${at} comes`, (_, now) => turn(now!)],
]

const outcomes: Phrases<[World]> = [
  [
    phrase`today is ${date}`,
    async (world, day) => {
      expect((await balance(world)).asOf).toBe(day)
    },
  ],
  [
    phrase`balance ${number}(?: on ${date})?`,
    async (world, amount, day) => {
      expect((await balance(world, day)).balance).toBe(Number(amount))
    },
  ],
  [
    phrase`costs (.+)`,
    ({ company, employee, requests }, amounts) =>
      Promise.all(
        amounts!.split(', ').map(async (amount, i) => {
          const requestId = requests[i]!.id
          expect(
            await company.act('getRequest', { requestId, scope: own(employee) }, company.as(employee)),
          ).toMatchObject({
            amount: Number(amount),
          })
        }),
      ),
  ],
  [
    phrase`refused: (\S+)`,
    (world, code) => {
      expect(world.refused).toBe(code)
    },
  ],
  [
    phrase`takes (.+)`,
    async (world, parts) => {
      const { id } = world.requests.at(-1)!
      const taken = new Map<string, number>()
      for (const { requestId, amount, lot } of await lines(world))
        if (requestId === id)
          taken.set(lot.usableTo ?? 'never', (taken.get(lot.usableTo ?? 'never') ?? 0) - amount)
      expect([...taken].map(([until, amount]) => `${amount} usable until ${until}`).join(', ')).toBe(parts)
    },
  ],
  [
    phrase`(\d{4}) accrues on (.+)`,
    async (world, year, days) => {
      const found = await accrued(world, year!)
      expect(found.map(({ effectiveOn }) => effectiveOn.slice(5)).join(' ')).toBe(days)
    },
  ],
  [
    phrase`(\d{4}) accrues ([^=]+)(?: = ${number})?`,
    async (world, year, parts, sum) => {
      const found = (await accrued(world, year!)).map(({ amount }) => amount)
      expect(found.join(' + ')).toBe(parts!.trim())
      if (sum) expect(found.reduce((all, one) => all + Math.round(one * 1000), 0) / 1000).toBe(Number(sum))
    },
  ],
  [
    phrase`${number} (?:is|are) carried over on ${date}`,
    async (world, amount, day) => {
      expect(await amountOn(world, 'carry-over', day!)).toBe(Number(amount))
    },
  ],
  [
    phrase`${number} (?:lapse|lapses) on ${date}`,
    async (world, amount, day) => {
      expect(await amountOn(world, 'expiry', day!)).toBe(-Number(amount))
    },
  ],
]

async function begin({ rules: phrases }: Example): Promise<World> {
  const rules = { approval: [{ approver: 'manager' as const }], accrual: { amount: 0 } }
  const type = {}
  for (const phrase of phrases) await say(given, phrase, rules, type)
  // The ledger begins with the year in which the company is first heard of.
  leave.setNow('2024-01-01T09:00:00Z')
  const company = leave.company()
  const manager = await company.hire()
  const { id, policy } = await company.type(rules, type)
  return {
    company,
    manager,
    employee: await company.hire({ managerId: manager, version: 1 }),
    type: id,
    policy,
    facts: { version: 1, joinsOn: '2020-01-01', zone: 'Europe/Berlin', fte: [] },
    requests: [],
  }
}

const own = (employeeId: string) => ({ reach: 'self', employeeId }) as const

/** Tells leave what directory knows. */
function tell({ company, employee, manager, facts }: World) {
  const { joinsOn, leavesOn, zone, fte } = facts
  const changes = fte[0]?.[0] === joinsOn ? fte : [[joinsOn, 1] as const, ...fte]
  return company.act(
    'putEmployee',
    {
      employeeId: employee,
      sourceVersion: ++facts.version,
      employeeNumber: employee,
      employments: [{ joinsOn, leavesOn: leavesOn ?? null }],
      terms: changes.map(([effectiveFrom, fte], i) => ({
        effectiveFrom,
        effectiveTo: i + 1 < changes.length ? addDays(changes[i + 1]![0], -1) : (leavesOn ?? null),
        managerId: manager,
        orgUnitId: null,
        location: null,
        timeZone: zone,
        employmentType: 'permanent',
        fte,
      })),
    },
    lifecycleOf(company.tenant),
  )
}

async function holiday(world: World, day: string, noon: string | undefined) {
  const { act } = world.company
  world.holidays ??= (
    await act('createHolidayCalendar', { code: 'here', name: 'Here', isDefault: true, scope: everything })
  ).id
  const one = { date: day, name: 'Holiday', portion: noon ? ('second-half' as const) : ('full' as const) }
  await act('setHolidays', { calendarId: world.holidays, holidays: [one], scope: everything })
}

async function request(world: World, ...[now, startsOn, endsOn, part, minutes]: string[]) {
  turn(now!)
  const { company, employee, type } = world
  const half = part === 'in the morning' ? 'first-half' : 'second-half'
  const take = minutes ? { part: 'hours' as const, minutes: Number(minutes) } : { part: half as 'first-half' }
  const { status, body } = await company.send(
    'submitRequest',
    {
      employeeId: employee,
      typeId: type,
      startsOn: startsOn!,
      endsOn: endsOn ?? startsOn!,
      ...(part ? { parts: [{ date: startsOn!, take }] } : {}),
      scope: own(employee),
    },
    company.as(employee),
  )
  if (status === 200) world.requests.push(body as unknown as World['requests'][number])
  else world.refused = String(body.type).split('/').at(-1)!
}

/** What somebody, or HR, does with the last request. */
async function change(
  { company, requests }: World,
  operation: 'decideRequest' | 'cancelRequest',
  input: { decision?: 'approve' },
  actor: string | null,
) {
  const { id: requestId, version: expectedVersion } = requests.pop()!
  const by = actor === null ? ([everything, company.hr] as const) : ([own(actor), company.as(actor)] as const)
  const { status, body } = await company.send(
    operation as 'decideRequest',
    { requestId, expectedVersion, ...input, scope: by[0] } as never,
    by[1],
  )
  expect(status, JSON.stringify(body)).toBe(200)
  requests.push(body as unknown as World['requests'][number])
}

const catchUp = ({ company }: World) => leave.workOff(company.tenant)

async function balance({ company, employee, type }: World, asOf?: string) {
  const when = asOf ? { asOf } : {}
  const { items } = await company.act('listBalances', { employeeId: employee, ...when, scope: everything })
  return items.find(({ typeId }) => typeId === type)!
}

/** All that was booked, and what is to come. */
async function lines({ company, employee, type }: World) {
  const range = { from: '2019-01-01', to: '2029-12-31' }
  const statement = await company.act('getStatement', {
    employeeId: employee,
    typeId: type,
    ...range,
    scope: everything,
  })
  return statement.lines
}

const accrued = async (world: World, year: string) =>
  (await lines(world)).filter(({ kind, lot }) => kind === 'accrual' && lot.usableFrom.startsWith(year))

const amountOn = async (world: World, kind: string, day: string) =>
  (await lines(world))
    .filter(
      ({ lot, ...line }) =>
        line.kind === kind && line.effectiveOn === day && (kind !== 'carry-over' || lot.usableFrom === day),
    )
    .reduce((sum, { amount }) => sum + amount, 0)
