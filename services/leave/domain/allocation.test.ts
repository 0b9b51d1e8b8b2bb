import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Account, type Facts, newLot, sumOf } from './account.ts'
import { allocate, entriesOf, givenBack, reversalOf } from './allocation.ts'
import type { Amount } from './amount.ts'
import { addDays } from './dates.ts'
import type { LeaveType, Lot } from './model.ts'
import { holding, person } from './testing.ts'

const facts = (overdraft: Amount | null): Facts => ({
  person: person(),
  type: { id: 'type', unit: 'day', overdraft, open: true } satisfies LeaveType,
  policies: [],
  schedules: { patterns: [], calendars: [] },
})

const accountOf = (lots: Lot[]): Account => ({
  id: '01a1ff5d-9cb2-7f0c-a5d8-e74f7cf861c8',
  employeeId: 'person',
  typeId: 'type',
  since: '2026-01-01',
  balance: lots.reduce((sum, { remaining }) => sum + remaining, 0),
  floor: 0,
  settledThrough: '2026-01-01',
  dueOn: null,
  version: 1,
  lots,
})

const lot = (id: string, remaining: Amount, usableFrom: string, usableTo: string | null): Lot => ({
  ...newLot({ id, origin: 'grant', yearFrom: null, usableFrom, usableTo }),
  remaining,
})

const newId = () => 'new'

const days = (...dates: string[]) => dates.map((date) => ({ date, amount: 1000 }))

describe('leave is taken', () => {
  it('from what lapses first, of what may be taken on that day, split where it must be', () => {
    const account = accountOf([
      lot('for ever', 5000, '2026-01-01', null),
      lot('year', 1500, '2026-01-01', '2026-12-31'),
      lot('march', 1000, '2026-01-01', '2026-03-31'),
      lot('next year', 9000, '2027-01-01', '2027-12-31'),
    ])
    const { takings, lacking } = allocate(
      facts(0),
      account,
      days('2026-03-31', '2026-04-01', '2026-04-02'),
      null,
      newId,
    )
    expect(takings).toEqual([
      { lotId: 'march', date: '2026-03-31', amount: 1000 },
      { lotId: 'year', date: '2026-04-01', amount: 1000 },
      { lotId: 'year', date: '2026-04-02', amount: 500 },
      { lotId: 'for ever', date: '2026-04-02', amount: 500 },
    ])
    expect(lacking).toBe(0)
  })

  it('as a debt of what lapses last, or of a lot for debts, as far as the type allows', () => {
    const account = accountOf([lot('year', 1000, '2026-01-01', '2026-12-31')])
    const capped = allocate(facts(1000), account, days('2026-04-01', '2026-04-02', '2026-04-03'), null, newId)
    expect(capped).toMatchObject({ lacking: 1000, newLots: [] })
    expect(capped.takings.map(({ lotId }) => lotId)).toEqual(['year', 'year', 'year'])
    const none = allocate(facts(null), account, days('2027-01-04'), null, newId)
    expect(none).toMatchObject({ lacking: 0, floor: null })
    expect(none.newLots).toMatchObject([{ origin: 'overdraft', usableFrom: '2027-01-04', remaining: 0 }])
  })
})

describe('any leave from any lots', () => {
  const date = fc.integer({ min: 0, max: 40 }).map((n) => addDays('2026-03-01', n))
  const lots = fc
    .array(
      fc.tuple(fc.integer({ min: -3000, max: 6000 }), date, fc.option(fc.integer({ min: 0, max: 30 }))),
      {
        maxLength: 6,
      },
    )
    .map((all) =>
      all.map(([remaining, from, length], i) =>
        lot(`lot ${i}`, remaining, from, length === null ? null : addDays(from, length)),
      ),
    )
  const leave = fc
    .uniqueArray(date, { maxLength: 12 })
    .map((dates) => dates.toSorted().map((date, i) => ({ date, amount: 250 * (1 + (i % 4)) })))
  const overdraft = fc.option(fc.constantFrom(0, 1000, 5000))

  it('is taken in full, on its days, from lots of those days, in the order in which they lapse', () => {
    fc.assert(
      fc.property(lots, leave, overdraft, (lots, leave, overdraft) => {
        const { takings, newLots } = allocate(facts(overdraft), accountOf(lots), leave, null, newId)
        const all = new Map([...lots, ...newLots].map((lot) => [lot.id, lot]))
        for (const { date, amount } of leave) {
          const ofDay = takings.filter((taking) => taking.date === date)
          expect(sumOf(ofDay)).toBe(amount)
          const ends = ofDay.map(({ lotId }) => {
            const { usableFrom, usableTo } = all.get(lotId)!
            expect(usableFrom <= date && (usableTo === null || date <= usableTo)).toBe(true)
            return usableTo ?? 'never'
          })
          expect(ends).toEqual(ends.toSorted())
        }
        expect(takings.every(({ amount }) => amount > 0)).toBe(true)
      }),
      holding(300),
    )
  })

  it('is not owed beyond the overdraft unless something is lacking, and can be given back to the last bit', () => {
    let accepted = 0
    let lacked = 0
    fc.assert(
      fc.property(lots, leave, overdraft, (lots, leave, overdraft) => {
        const account = accountOf(lots)
        const { takings, newLots, lacking, floor } = allocate(facts(overdraft), account, leave, null, newId)
        const taken = entriesOf(takings, 'reservation', 'request')
        const before = { ...account, lots: [...account.lots, ...newLots] }
        const after = givenBack(before, taken)
        const owed = (lots: readonly Lot[]) =>
          lots.reduce((sum, { remaining }) => sum - Math.min(0, remaining), 0)
        if (overdraft !== null && lacking === 0 && leave.length > 0) {
          accepted++
          expect(owed(after.lots)).toBeLessThanOrEqual(Math.max(overdraft, owed(lots)))
          expect(after.balance).toBeGreaterThanOrEqual(Math.min(-overdraft, account.balance))
          expect(after.balance).toBeGreaterThanOrEqual(floor!)
        }
        if (lacking > 0) lacked++
        const back = taken.map((entry, i) => reversalOf({ ...entry, id: `entry ${i}` }, 'request'))
        expect(givenBack(after, back)).toEqual(before)
      }),
      holding(300),
    )
    // Both must happen, or nothing was tried.
    expect(Math.min(accepted, lacked)).toBeGreaterThan(20)
  })
})
