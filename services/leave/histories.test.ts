import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { testCall } from '#kit/testing.ts'
import { addDays, later } from './domain/dates.ts'
import { holding, propertyRuns } from './domain/testing.ts'
import { rateEntitlementsAnew } from './entitlements.ts'
import { assertAppended, assertBooks, type Books, minutesOn, readBooks } from './fixtures/books.ts'
import { beginHistory, type History, type Step, type TypeGiven, weeks } from './fixtures/history.ts'
import { checkAccounts } from './store/ledger-check.ts'
import { everything, type Leave, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())

/** Of plain objects, which are told without a word on their prototype. */
const record = <T, K extends keyof T = keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  requiredKeys?: K[],
) => fc.record<T, K>(model, { noNullPrototype: true, ...(requiredKeys ? { requiredKeys } : {}) })

const who = fc.nat(1)
const type = fc.nat(1)
const nth = fc.nat(3)
/** Most things are about the same two weeks, so that they meet. */
const soon = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 13 }) },
  { weight: 1, arbitrary: fc.integer({ min: -30, max: 420 }) },
)
const halves = fc.integer({ min: 1, max: 8 }).map((n) => n / 2)

const accrual = record({
  amount: fc.integer({ min: 4, max: 36 }),
  frequency: fc.constantFrom('yearly', 'monthly', 'quarterly', 'weekly', 'hourly'),
  timing: fc.constantFrom('start', 'end'),
  yearStart: fc.constantFrom('01-01', '04-06', 'anniversary'),
  rounding: fc.constantFrom(0.01, 0.5),
})
const carryOver = record({
  max: fc.option(fc.integer({ min: 0, max: 6 }), { freq: 4 }),
  expiresAfterMonths: fc.option(fc.integer({ min: 1, max: 6 })),
})
const rules = record({ accrual: fc.option(accrual, { freq: 8 }), carryOver })

const types: fc.Arbitrary<TypeGiven> = fc
  .record({
    unit: fc.constantFrom('day', 'hour'),
    overdraft: fc.constantFrom(0, 3, null),
    ahead: fc.boolean(),
    longer: fc.boolean(),
    rules,
  })
  .map(({ unit, overdraft, ahead, longer, rules }) => ({
    unit,
    overdraft,
    rules: {
      ...rules,
      // As many hours as make the days.
      accrual: rules.accrual && {
        ...rules.accrual,
        amount: rules.accrual.amount * (unit === 'hour' ? 8 : 1),
      },
      booking: { ahead },
      approval: [
        { approver: 'manager' },
        ...(longer ? [{ approver: 'hr' as const, longerThanDays: 3 }] : []),
      ],
    },
  }))

const by = fc.constantFrom('employee', 'employee', 'manager', 'manager', 'hr', 'hr', 'colleague', 'director')

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: record({
      submit: record(
        {
          who,
          type,
          inDays: soon,
          days: fc.integer({ min: 1, max: 8 }),
          part: fc.constantFrom<'first-half' | 'second-half' | number>(
            'first-half',
            'second-half',
            60,
            200,
            301,
          ),
        },
        ['who', 'type', 'inDays', 'days'],
      ),
    }),
  },
  { weight: 3, arbitrary: record({ decide: record({ nth, approve: fc.boolean(), by }) }) },
  { weight: 3, arbitrary: record({ cancel: record({ nth, by }) }) },
  {
    weight: 3,
    arbitrary: record({ pass: record({ days: fc.integer({ min: 1, max: 200 }), run: fc.boolean() }) }),
  },
  { weight: 2, arbitrary: fc.constant({ work: 'all that waits' } as const) },
  {
    weight: 2,
    arbitrary: record({
      holiday: record({ inDays: soon, portion: fc.constantFrom('full', 'second-half', 'none') }),
    }),
  },
  { weight: 1, arbitrary: record({ week: record({ pattern: fc.nat(weeks.length - 1) }) }) },
  {
    weight: 1,
    arbitrary: record({
      assign: record({ who, inDays: soon, pattern: fc.option(fc.nat(weeks.length - 1), { freq: 3 }) }),
    }),
  },
  { weight: 2, arbitrary: record({ policy: record({ type, inDays: soon, rules }) }) },
  {
    weight: 1,
    arbitrary: record({
      grant: record({ who, type, inDays: soon, amount: halves, days: fc.option(fc.nat(200)) }),
    }),
  },
  {
    weight: 1,
    arbitrary: record({
      adjust: record({
        who,
        type,
        inDays: soon,
        amount: fc.oneof(
          halves,
          halves.map((n) => -n),
        ),
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: record({ works: record({ who, inDays: soon, fte: fc.constantFrom(1, 0.5, 0.333) }) }),
  },
  { weight: 1, arbitrary: record({ leaves: record({ who, inDays: soon }) }) },
  { weight: 1, arbitrary: record({ close: record({ daysAgo: fc.integer({ min: -20, max: 60 }) }) }) },
)

/** Histories that were wrong once. */
const once: [[TypeGiven, TypeGiven], Step[]][] = (() => {
  const approval = [{ approver: 'manager' as const }]
  const carryOver = { max: null, expiresAfterMonths: null }
  const yearFrom = (yearStart: string) => ({ accrual: { amount: 4, yearStart }, carryOver })
  const nothing: TypeGiven = { unit: 'day', overdraft: 0, rules: { accrual: null, approval } }
  const anniversary: TypeGiven = {
    unit: 'day',
    overdraft: 0,
    rules: { ...yearFrom('anniversary'), approval },
  }
  const work: Step = { work: 'all that waits' }
  return [
    // What rating anew had booked was not told from what is yet to come, and was taken away by the next time.
    [
      [anniversary, nothing],
      [
        work,
        { policy: { type: 0, inDays: 0, rules: yearFrom('01-01') } },
        { pass: { days: 59, run: false } },
      ],
    ],
    // A period that was due with the leaving could not come due once more when the leaving was put off.
    [
      [nothing, nothing],
      [
        { leaves: { who: 0, inDays: 0 } },
        { policy: { type: 0, inDays: 0, rules: { accrual: { amount: 4, timing: 'end' }, carryOver } } },
        { pass: { days: 1, run: true } },
        { leaves: { who: 0, inDays: 0 } },
      ],
    ],
    // Somebody who has left had no balance of what was accrued and not booked yet.
    [
      [nothing, anniversary],
      [{ leaves: { who: 0, inDays: -1 } }, { close: { daysAgo: 0 } }, { close: { daysAgo: 0 } }],
    ],
  ]
})()

it(
  'books are right at every moment of every history',
  async () => {
    const count = { requested: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(types, types),
        fc.array(step, { minLength: 1, maxLength: 22, size: 'max' }),
        async (types, steps) => {
          const history = await beginHistory(leave, types)
          try {
            let before = await readBooks(leave, history.company.tenant)
            for (const [n, step] of [...steps, { work: 'all that waits' } as const].entries()) {
              await history.take(step)
              const after = await readBooks(leave, history.company.tenant)
              assertBooks(after)
              assertAppended(before, after)
              await assertNothingFound(history)
              await assertTold(history, after, n)
              if ('work' in step) await assertNobodyMissed(history)
              before = after
            }
          } catch (error) {
            // fast-check tells the shortest history; this tells it in words.
            throw new Error(`${String(error)}\nafter:\n  ${history.told.join('\n  ')}`, { cause: error })
          }
          for (const line of history.told) {
            if (/ requests .*: done$/.test(line)) count.requested++
            if (/: [a-z]+(-[a-z]+)+$/.test(line)) count.refused++
          }
        },
      ),
      // Long histories from the first on, rather than from the hundredth.
      { ...holding(12), examples: once, unbiased: true, interruptAfterTimeLimit: 50_000 * propertyRuns },
    )
    // Both must happen, or nothing was tried.
    expect(count.requested).toBeGreaterThan(0)
    expect(count.refused).toBeGreaterThan(0)
  },
  60_000 * propertyRuns,
)

/** What looks for broken ledgers calls nobody because of sound ones. */
async function assertNothingFound({ company }: History) {
  const call = testCall(company.tenant)
  const accounts = await leave.db.database.read(call, (tx) => checkAccounts(tx, null, 1000))
  expect(accounts.filter(({ broken }) => broken.length > 0)).toEqual([])
}

/** What the employee is told is what the books say: of one account after the other, on days gone and to come. */
async function assertTold(
  { people, policies, statement, balanceOf, inDays }: History,
  books: Books,
  n: number,
) {
  const { id } = people[n % people.length]!
  const { typeId } = policies[Math.floor(n / people.length) % policies.length]!
  const to = inDays([0, 500, -40][n % 3]!)
  const account = books.accounts.find((one) => one.employeeId === id && one.typeId === typeId)
  const { opening, lines, closing } = await statement(id, typeId, to)
  let sum = Math.round(opening * 1000)
  for (const { amount, balance } of lines) {
    sum += Math.round(amount * 1000)
    expect(Math.round(balance * 1000), `the balance of a line, to ${to}`).toBe(sum)
  }
  expect(Math.round(closing * 1000), `what a statement closes with, to ${to}`).toBe(sum)
  const balance = await balanceOf(id, typeId, to)
  expect(balance?.balance ?? 0, `the balance on ${to}`).toBe(closing)
  const booked = books.entries.filter((one) => one.accountId === account?.id && one.effectiveOn <= to)
  const told = lines.flatMap((line) => line.id ?? [])
  expect(told.toSorted(), `entries to ${to}`).toEqual(booked.map((entry) => entry.id).toSorted())
}

/** When all that waited is done, nothing is left that anything should be rated anew for. */
async function assertNobodyMissed({ company, people, policies, today }: History) {
  const books = await readBooks(leave, company.tenant)
  const { closedThrough } = await company.act('getClosedPeriod', { scope: everything })
  for (const person of people) {
    const minutes = minutesOn(books, person.id)
    const open = later(today(person), closedThrough === null ? '' : addDays(closedThrough, 1))
    const range = { from: addDays(today(person), -1), to: addDays(today(person), 300), scope: everything }
    const { days } = await company.act('getSchedule', { employeeId: person.id, ...range })
    for (const day of days)
      if (day.date >= open)
        expect(minutes.get(day.date)?.minutes ?? 0, `leave on ${day.date}`).toBeLessThanOrEqual(day.minutes)
    for (const { policyId } of policies) {
      const change = { cause: 'policy', policyId, employeeId: person.id } as const
      await rateEntitlementsAnew(leave.db.database, testCall(company.tenant), leave.clock, change)
    }
  }
  const after = await readBooks(leave, company.tenant)
  const adjusted = after.entries.slice(books.entries.length).filter(({ kind }) => kind === 'adjustment')
  expect(adjusted, 'what was not rated anew').toEqual([])
}
