import { randomUUIDv7 } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { accrual as accrualSchema, frequency } from '../contract/schemas.ts'
import { type Account, type Facts, sumOf } from './account.ts'
import { allocate, entriesOf, reversalOf, type Taken, type Taking } from './allocation.ts'
import { type Amount, amountOf } from './amount.ts'
import { addDays, addMonths, daysBetween, eachDay, later } from './dates.ts'
import { forecast } from './forecast.ts'
import type { Accrual, EntryDraft, Person, PolicyRules } from './model.ts'
import { employmentOn, termsOn } from './person.ts'
import { scheduledOn } from './schedule.ts'
import { book, rateAnew, type Settlement, settle } from './settlement.ts'
import { holding, pattern, person, propertyRuns, rules, terms } from './testing.ts'

vi.setConfig({ testTimeout: 60_000 * propertyRuns })

const begin = '2024-01-01'
/** Within some years, so that dates fall on both sides of year ends, a leap year among them. */
const dayWithin = (days: number) => fc.integer({ min: 0, max: days }).map((n) => addDays(begin, n))

const employments = fc
  .tuple(
    fc.integer({ min: -2500, max: 500 }),
    fc.option(fc.integer({ min: 0, max: 900 })),
    fc.option(
      fc.record({
        gap: fc.integer({ min: 1, max: 500 }),
        stays: fc.option(fc.integer({ min: 0, max: 500 })),
      }),
    ),
  )
  .map(([joins, stays, back]) => {
    const joinsOn = addDays(begin, joins)
    const leavesOn = stays === null ? null : addDays(later(joinsOn, begin), stays)
    const first = { joinsOn, leavesOn }
    if (leavesOn === null || back === null) return [first]
    const again = addDays(leavesOn, back.gap)
    return [first, { joinsOn: again, leavesOn: back.stays === null ? null : addDays(again, back.stays) }]
  })

/** Somebody who joins, may leave and come back, and whose working time and kind of employment change. */
const somebody: fc.Arbitrary<Person> = fc
  .tuple(
    employments,
    fc.uniqueArray(
      fc.record({
        from: dayWithin(1200),
        fte: fc.constantFrom(1000, 615, 500, 333),
        employmentType: fc.constantFrom('permanent', 'intern'),
      }),
      { maxLength: 3, selector: ({ from }) => from },
    ),
  )
  .map(([employments, changes]) => {
    const joinsOn = employments[0]!.joinsOn
    const later = changes.filter(({ from }) => from > joinsOn).sort((a, b) => (a.from < b.from ? -1 : 1))
    return person({ employments, terms: [terms({ from: joinsOn }), ...later.map((change) => terms(change))] })
  })

/** Rules that `assertRules` lets pass: entitlements are multiples of what they are rounded to. */
const anyAccrual: fc.Arbitrary<Accrual> = fc
  .record({
    rounding: fc.constantFrom(0.01, 0.001, 0.1, 0.25, 0.5, 1),
    amount: fc.integer({ min: 1, max: 40 }),
    fraction: fc.nat(1000),
    steps: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
    frequency: fc.constantFrom(...frequency.options),
    timing: fc.constantFrom('start', 'end'),
    yearStart: fc.constantFrom('01-01', '04-06', '08-31', 'anniversary'),
    prorateEmployment: fc.boolean(),
    prorateFte: fc.boolean(),
  })
  .map(({ amount, fraction, steps, rounding, ...rest }) => {
    const round = (value: number) =>
      (Math.ceil(amountOf(value) / amountOf(rounding)) * amountOf(rounding)) / 1000
    const entitlement = round(amount + fraction / 1000)
    return accrualSchema.parse({
      ...rest,
      rounding,
      amount: entitlement,
      steps: [...new Set(steps)]
        .sort()
        .map((afterYears) => ({ afterYears, amount: round(entitlement + afterYears) })),
    })
  })

const anyRules: fc.Arbitrary<PolicyRules> = fc
  .record({
    accrual: fc.option(anyAccrual, { freq: 8 }),
    balanceCap: fc.option(fc.integer({ min: 40, max: 60 })),
    carryOver: fc.record({
      max: fc.option(fc.integer({ min: 0, max: 10 })),
      expiresAfterMonths: fc.option(fc.integer({ min: 1, max: 18 })),
    }),
  })
  .map(({ accrual, balanceCap, carryOver }) =>
    rules({ carryOver, accrual: accrual && { ...accrual, ...(balanceCap === null ? {} : { balanceCap }) } }),
  )

const schedules = {
  patterns: [
    pattern([
      [480, 480, 480, 480, 0, 0, 0],
      [300, 0, 300, 0, 300, 0, 0],
    ]),
  ],
  calendars: [],
}

const factsOf = (
  who: Person,
  versions: Facts['policies'][number]['versions'],
  overdraft: Amount | null = 0,
) => ({
  person: who,
  type: { id: 'type', unit: 'day' as const, overdraft, open: true },
  policies: [{ id: 'policy', typeId: 'type', rank: 1, versions }],
  schedules,
})

/** Rules that change once, and of which interns have others. */
const anyFacts: fc.Arbitrary<Facts> = fc
  .tuple(somebody, anyRules, fc.option(fc.tuple(dayWithin(900), anyRules)), fc.option(anyRules), fc.nat(20))
  .map(([who, first, second, interns, overdraft]) => {
    const versions = [{ from: '2000-01-01', rules: first }]
    if (second) versions.push({ from: second[0], rules: second[1] })
    const facts = factsOf(who, versions, amountOf(overdraft))
    if (!interns) return facts
    const eligibility = { employmentTypes: ['intern' as const], waitingMonths: 0 }
    const own = { ...interns, eligibility }
    return {
      ...facts,
      policies: [
        { id: 'interns', typeId: 'type', rank: 0, versions: [{ from: '2000-01-01', rules: own }] },
        ...facts.policies,
      ],
    }
  })

const unopened: Account = {
  id: '01a1ff5d-9cb2-7f0c-a5d8-e74f7cf861c8',
  employeeId: 'person',
  typeId: 'type',
  since: begin,
  balance: 0,
  floor: 0,
  settledThrough: null,
  dueOn: begin,
  version: 1,
  lots: [],
}

/** Entries and lots without the ids, which are others each time; what is not due need not be settled either. */
function plain({ entries, account: { settledThrough: _, ...account } }: Settlement) {
  const lots = new Map(account.lots.map((lot) => [lot.id, `${lot.origin} ${lot.yearFrom ?? lot.usableFrom}`]))
  return {
    entries: entries.map(({ lotId, ...entry }) => ({ ...entry, lot: lots.get(lotId) })),
    account: { ...account, lots: account.lots.map((lot) => ({ ...lot, id: lots.get(lot.id) })) },
  }
}

/** Settles day after day of some, and once again each time. */
function settleAlong(facts: Facts, days: readonly string[]): Settlement {
  let account = unopened
  const entries: EntryDraft[] = []
  for (const day of days) {
    const settled = settle(facts, account, day)
    expect(settle(facts, settled.account, day).entries).toEqual([])
    entries.push(...settled.entries)
    account = settled.account
  }
  return { entries, account }
}

const someDays = fc
  .uniqueArray(dayWithin(1500), { minLength: 1, maxLength: 6 })
  .map((days) => days.toSorted())

describe('accrual', () => {
  it('of a year adds up exactly to what each of its days is worth, rounded once', () => {
    fc.assert(
      fc.property(somebody, anyAccrual, (who, accrual) => {
        const first = accrual.yearStart === 'anniversary' ? who.employments.slice(0, 1) : who.employments
        const facts = factsOf({ ...who, employments: first }, [
          { from: '2000-01-01', rules: rules({ accrual }) },
        ])
        const through = '2026-12-31'
        const { entries, account } = settle(facts, unopened, through)
        for (const lot of account.lots.filter(({ origin }) => origin === 'entitlement')) {
          if (lot.usableTo! > through) continue
          const accrued = entries.filter(({ lotId, kind }) => lotId === lot.id && kind === 'accrual')
          expect(sumOf(accrued), lot.yearFrom!).toBe(
            worthByDays(facts, accrual, lot.yearFrom!, lot.usableTo!),
          )
        }
      }),
      holding(60),
    )
  })

  it('of a year that is worked in full, full time, is exactly the entitlement', () => {
    fc.assert(
      fc.property(anyAccrual, (accrual) => {
        const facts = factsOf(person(), [
          { from: '2000-01-01', rules: rules({ accrual: { ...accrual, steps: [] } }) },
        ])
        const { entries, account } = settle(facts, unopened, '2025-12-31')
        for (const { id, usableTo } of account.lots) {
          const accrued = sumOf(entries.filter(({ lotId, kind }) => lotId === id && kind === 'accrual'))
          if (usableTo! <= '2025-12-31') expect(accrued).toBe(amountOf(accrual.amount))
        }
      }),
      holding(40),
    )
  })
})

describe('what is due of an account', () => {
  it('is the same, whether it is settled at once or now and then, and nothing is due twice', () => {
    fc.assert(
      fc.property(anyFacts, someDays, (facts, days) => {
        const last = days.slice(-1)
        expect(plain(settleAlong(facts, days))).toEqual(plain(settleAlong(facts, last)))
      }),
      holding(60),
    )
  })

  it('comes as it was forecast', () => {
    fc.assert(
      fc.property(anyFacts, someDays, (facts, [today, ...days]) => {
        const { account } = settle(facts, unopened, today!)
        const expected = plain(forecast(facts, account, days.at(-1) ?? today!))
        let now = account
        const entries = days.flatMap((day) => {
          const settled = settle(facts, now, day)
          now = settled.account
          return settled.entries
        })
        expect(plain({ entries, account: now })).toEqual(expected)
      }),
      holding(40),
    )
  })

  it('is never booked again by rating anew where nothing has changed', () => {
    fc.assert(
      fc.property(anyFacts, dayWithin(1500), (facts, day) => {
        const { account } = settle(facts, unopened, day)
        expect(rateAnew(facts, account, day, 'policy-changed').entries).toEqual([])
      }),
      holding(40),
    )
  })

  it('is rated anew once, whatever changes, and comes due once on a day', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyFacts, dayWithin(500)), { maxLength: 4 }), (changes) => {
        const days = changes.map(([, day]) => day).sort()
        let account = unopened
        const once = new Set<string>()
        const apply = (settlement: Settlement) => {
          account = settlement.account
          for (const { lotId, kind, period, effectiveOn } of settlement.entries) {
            if (period === undefined) continue
            const key = [lotId, kind, period, effectiveOn].join(' ')
            expect(once, key).not.toContain(key)
            once.add(key)
          }
        }
        for (const [i, [facts]] of changes.entries()) {
          const day = days[i]!
          // Somebody may ask for leave before the job comes.
          if (i % 2 === 0) apply(settle(facts, account, day))
          apply(rateAnew(facts, account, day, 'policy-changed'))
          expect(rateAnew(facts, account, day, 'policy-changed').entries).toEqual([])
        }
      }),
      holding(60),
    )
  })

  it('carries over no more than the maximum, and leaves nothing in lots that are over', () => {
    fc.assert(
      fc.property(anyFacts, dayWithin(1500), (facts, day) => {
        const { account } = settle(facts, unopened, day)
        for (const lot of account.lots) {
          expect(lot.remaining).toBeGreaterThanOrEqual(0)
          if (lot.usableTo !== null && lot.usableTo < day) expect(lot.remaining).toBe(0)
          const limits = facts.policies.flatMap(({ versions }) =>
            versions.map(({ rules }) => rules.carryOver.max ?? Infinity),
          )
          expect(lot.carried).toBeLessThanOrEqual(amountOf(Math.max(...limits)))
        }
      }),
      holding(40),
    )
  })
})

/** What happens to an account. */
type Step =
  | { take: Amount; inDays: number }
  | { giveBack: number }
  | { grant: Amount; inDays: number; forDays: number | null }
  | { pass: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ take: thousandths(1, 12_000), inDays: fc.integer({ min: -30, max: 500 }) }),
  },
  { weight: 2, arbitrary: fc.record({ giveBack: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      grant: thousandths(1, 5000),
      inDays: fc.integer({ min: -30, max: 60 }),
      forDays: fc.option(fc.nat(200)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 200 }) }) },
)

/** Mostly halves of days. */
function thousandths(min: Amount, max: Amount): fc.Arbitrary<Amount> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.integer({ min: 1, max: Math.floor(max / 500) }).map((halves) => halves * 500),
    },
    { weight: 1, arbitrary: fc.integer({ min, max }) },
  )
}

const owed = ({ lots }: Account): Amount =>
  -sumOf(lots.map(({ remaining }) => ({ amount: Math.min(0, remaining) })))

describe('what is taken of an account', () => {
  it.each([false, true])('is never more than there is and may be owed; counting ahead: %s', (ahead) => {
    let taken = 0
    let refused = 0
    fc.assert(
      fc.property(anyFacts, fc.array(step, { maxLength: 12 }), (facts, steps) => {
        const { overdraft } = facts.type
        let today = begin
        let account = unopened
        const entries: EntryDraft[] = []
        const requests: { id: string; takings: Taking[] }[] = []
        const apply = (settlement: Settlement) => {
          entries.push(...settlement.entries)
          account = settlement.account
        }
        apply(settle(facts, account, today))
        for (const [n, step] of steps.entries()) {
          if ('pass' in step) {
            for (const day of eachDay(addDays(today, 1), addDays(today, step.pass))) {
              apply(settle(facts, account, day))
              // What is taken ahead is not owed before its day, and there is enough on that.
              const now = entries.filter(({ effectiveOn }) => effectiveOn <= day)
              expect(sumOf(now), day).toBeGreaterThanOrEqual(-overdraft!)
              today = day
            }
          } else if ('take' in step) {
            const date = addDays(today, step.inDays)
            const booked = requests.flatMap(({ takings }) => takings).filter((one) => one.date > date)
            const found = allocate(
              facts,
              account,
              [{ date, amount: step.take }],
              ahead ? booked : null,
              randomUUIDv7,
            )
            if (found.lacking > 0) refused++
            else {
              taken++
              expect(sumOf(found.takings)).toBe(step.take)
              const before = owed(account)
              const id = `request ${n}`
              requests.push({ id, takings: found.takings })
              const lots = [...account.lots, ...found.newLots]
              apply(book(facts, { ...account, lots }, entriesOf(found.takings, 'reservation', id)))
              if (!ahead) expect(owed(account)).toBeLessThanOrEqual(Math.max(overdraft!, before))
            }
          } else if ('giveBack' in step) {
            const [request] = requests.splice(step.giveBack, 1)
            if (!request) continue
            const back = request.takings.map(({ lotId, date, amount }) =>
              reversalOf({ id: '', lotId, amount: -amount, effectiveOn: date } satisfies Taken, request.id),
            )
            const before = new Map(account.lots.map((lot) => [lot.id, lot.remaining]))
            apply(book(facts, account, back))
            for (const lot of account.lots)
              if (lot.closedOn === null && back.some(({ lotId }) => lotId === lot.id))
                expect(lot.remaining).toBeGreaterThan(before.get(lot.id)!)
          } else {
            const usableFrom = addDays(today, step.inDays)
            const usableTo = step.forDays === null ? null : addDays(usableFrom, step.forDays)
            const lot = {
              id: `grant ${n}`,
              origin: 'grant' as const,
              yearFrom: null,
              usableFrom,
              usableTo,
              remaining: 0,
              rated: 0,
              carried: 0,
              closedOn: null,
            }
            const entry = {
              lotId: lot.id,
              kind: 'grant' as const,
              amount: step.grant,
              effectiveOn: usableFrom,
            }
            apply(book(facts, { ...account, lots: [...account.lots, lot] }, [entry]))
            apply(settle(facts, account, today))
          }
          expect(account.balance).toBe(sumOf(entries))
          for (const lot of account.lots)
            expect(lot.remaining).toBe(sumOf(entries.filter(({ lotId }) => lotId === lot.id)))
        }
      }),
      holding(60),
    )
    // Both must happen, or nothing was tried.
    expect(taken).toBeGreaterThan(5)
    expect(refused).toBeGreaterThan(5)
  })
})

/**
 * What a leave year is worth, told once more in the plainest way: each day's part of its period, of the entitlement of
 * that day, at the working time of that day.
 */
function worthByDays({ person }: Facts, accrual: Accrual, from: string, to: string): Amount {
  const periods = periodsOf(person, accrual, from, to)
  const minutes = new Map(Array.from(eachDay(from, to), (day) => [day, scheduledOn(person, schedules, day)]))
  const allMinutes = sumOf([...minutes.values()].map((amount) => ({ amount })))
  /** Exact, by denominator: there are few of them. */
  const sums = new Map<number, bigint>()
  for (const period of periods) {
    const days = [...eachDay(period.from, period.to)]
    const touching = days.map((day) => employmentOn(person, day)).find((one) => one !== undefined)
    for (const day of days) {
      const employment = accrual.prorateEmployment ? employmentOn(person, day) : touching
      if (!employment) continue
      const step = accrual.steps.findLast(
        ({ afterYears }) => addMonths(employment.joinsOn, afterYears * 12) <= day,
      )
      const fte = accrual.prorateFte ? termsOn(person, day).fte : 1000
      const [part, of] =
        accrual.frequency === 'hourly' ? [minutes.get(day)!, allMinutes] : [1, period.share * days.length]
      const worth = BigInt(amountOf(step?.amount ?? accrual.amount) * fte * part)
      sums.set(of, (sums.get(of) ?? 0n) + worth)
    }
  }
  let numerator = 0n
  let denominator = 1n
  for (const [of, sum] of sums) {
    numerator = numerator * BigInt(of * 1000) + sum * denominator
    denominator *= BigInt(of * 1000)
  }
  const unit = BigInt(amountOf(accrual.rounding)) * denominator
  return Number((2n * numerator + unit) / (2n * unit)) * amountOf(accrual.rounding)
}

const partsOfYear: Partial<Record<Accrual['frequency'], number>> = {
  yearly: 1,
  'half-yearly': 2,
  quarterly: 4,
  monthly: 12,
}

/** The periods of a leave year, and into how many of as much worth it is split. */
function periodsOf(person: Person, { frequency, yearStart }: Accrual, from: string, to: string) {
  const count = partsOfYear[frequency]
  if (count) {
    // Ends of months that clamp are counted from where years begin.
    const anchor =
      yearStart === 'anniversary' ? person.employments[0]!.joinsOn : `${from.slice(0, 5)}${yearStart}`
    const offset = 12 * (Number(from.slice(0, 4)) - Number(anchor.slice(0, 4)))
    const start = (n: number) => addMonths(anchor, offset + (12 / count) * n)
    return Array.from({ length: count }, (_, n) => ({
      from: start(n),
      to: addDays(start(n + 1), -1),
      share: count,
    }))
  }
  const length = frequency === 'weekly' ? 7 : 1
  const days = daysBetween(from, to) + 1
  return Array.from({ length: Math.ceil(days / length) }, (_, n) => {
    const begins = addDays(from, n * length)
    const ends = addDays(begins, length - 1)
    const period = { from: begins, to: ends < to ? ends : to }
    return { ...period, share: days / (daysBetween(period.from, period.to) + 1) }
  })
}
