import { describe, expect, it } from 'vitest'
import type { Accrual } from '../contract/schemas.ts'
import { duesAfter } from './accrual.ts'
import { inUnits } from './amount.ts'
import { addDays } from './dates.ts'
import type { Person, PolicyRules, Schedules } from './model.ts'
import { pattern, person, rules, terms } from './testing.ts'

type Given = Partial<Accrual> & { amount: number }
const none: Schedules = { patterns: [], calendars: [] }

const factsOf = (
  versions: { from: string; rules: PolicyRules }[],
  somebody: Person = person(),
  schedules = none,
) => ({
  person: somebody,
  type: { id: 'type', unit: 'day', overdraft: 0, open: true } as const,
  policies: [{ id: 'policy', typeId: 'type', rank: 1, versions }],
  schedules,
})

const accruing = (accrual: Given, from = '2000-01-01') => [{ from, rules: rules({ accrual }) }]

/** What comes due of a leave year, by day: what each part adds in days. */
function partsOf(facts: ReturnType<typeof factsOf>, year = '2026'): Record<string, number> {
  const parts: Record<string, number> = {}
  let before = 0
  for (const due of duesAfter(facts, `${year}-09-15`, null)) {
    if (!due.year.from.startsWith(year)) break
    parts[due.on] = inUnits(due.worth() - before)
    before = due.worth()
  }
  return parts
}

const sum = (parts: Record<string, number>) =>
  inUnits(Object.values(parts).reduce((total, part) => total + Math.round(part * 1000), 0))

describe('the parts of a year', () => {
  it.each([
    ['yearly', 1],
    ['half-yearly', 2],
    ['quarterly', 4],
    ['monthly', 12],
    ['weekly', 53],
    ['daily', 365],
    ['hourly', 365],
  ] as const)('add up exactly to the entitlement, %s: 19 days in %d parts', (frequency, count) => {
    for (const rounding of [0.001, 0.01, 0.1, 0.25, 0.5, 1] as const)
      for (const timing of ['start', 'end'] as const) {
        const parts = partsOf(factsOf(accruing({ amount: 19, frequency, rounding, timing })))
        expect(Object.keys(parts)).toHaveLength(count)
        expect(sum(parts)).toBe(19)
      }
  })

  it('are as even as rounding allows: 19/12 is 1.58 and now and then 1.59', () => {
    const parts = partsOf(factsOf(accruing({ amount: 19, frequency: 'monthly' })))
    expect(Object.values(parts)).toEqual([
      1.58, 1.59, 1.58, 1.58, 1.59, 1.58, 1.58, 1.59, 1.58, 1.58, 1.59, 1.58,
    ])
  })

  it('are due on the first or on the last day of their period', () => {
    const monthly = { amount: 24, frequency: 'monthly' } as const
    expect(Object.keys(partsOf(factsOf(accruing(monthly)))).slice(0, 3)).toEqual([
      '2026-01-01',
      '2026-02-01',
      '2026-03-01',
    ])
    expect(Object.keys(partsOf(factsOf(accruing({ ...monthly, timing: 'end' })))).slice(0, 3)).toEqual([
      '2026-01-31',
      '2026-02-28',
      '2026-03-31',
    ])
  })

  it('Frappe quarterly accrual in wrong months', () => {
    const quarterly = { amount: 20, frequency: 'quarterly' } as const
    expect(partsOf(factsOf(accruing(quarterly)))).toEqual({
      '2026-01-01': 5,
      '2026-04-01': 5,
      '2026-07-01': 5,
      '2026-10-01': 5,
    })
    expect(partsOf(factsOf(accruing({ ...quarterly, timing: 'end' })))).toEqual({
      '2026-03-31': 5,
      '2026-06-30': 5,
      '2026-09-30': 5,
      '2026-12-31': 5,
    })
    // Quarters follow the year, whichever month it begins in.
    expect(partsOf(factsOf(accruing({ ...quarterly, yearStart: '04-06' })))).toEqual({
      '2026-04-06': 5,
      '2026-07-06': 5,
      '2026-10-06': 5,
      '2027-01-06': 5,
    })
  })

  it('clamp to the ends of months, and come back to the day after a shorter one', () => {
    const parts = partsOf(factsOf(accruing({ amount: 12, frequency: 'monthly', yearStart: '08-31' })), '2023')
    expect(Object.keys(parts)).toEqual([
      '2023-08-31',
      '2023-09-30',
      '2023-10-31',
      '2023-11-30',
      '2023-12-31',
      '2024-01-31',
      '2024-02-29',
      '2024-03-31',
      '2024-04-30',
      '2024-05-31',
      '2024-06-30',
      '2024-07-31',
    ])
    expect(sum(parts)).toBe(12)
  })

  it('of a leap year are 366 days, or 53 weeks, of which the last one has two', () => {
    const daily = partsOf(factsOf(accruing({ amount: 20, frequency: 'daily' })), '2028')
    expect(Object.keys(daily)).toHaveLength(366)
    expect(daily).toHaveProperty('2028-02-29')
    expect(sum(daily)).toBe(20)
    const weekly = partsOf(factsOf(accruing({ amount: 20, frequency: 'weekly', rounding: 0.001 })), '2028')
    expect(Object.keys(weekly).at(-1)).toBe('2028-12-30')
    expect(weekly['2028-12-30']).toBe(0.109)
    expect(sum(weekly)).toBe(20)
  })

  it('by the hour are as long as the working day: none on days off', () => {
    const twoDays = { patterns: [pattern([[480, 240, 0, 0, 0, 0, 0]])], calendars: [] }
    const hourly = accruing({ amount: 26, frequency: 'hourly', rounding: 0.001 })
    const parts = partsOf(factsOf(hourly, person(), twoDays))
    // 2026 has 52 Mondays and 52 Tuesdays.
    expect([parts['2026-03-02'], parts['2026-03-03'], parts['2026-03-04']]).toEqual([0.333, 0.167, 0])
    expect(sum(parts)).toBe(26)
  })

  it('by the hour of a year without working time are nothing', () => {
    const idle = { patterns: [pattern([[0, 0, 0, 0, 0, 0, 0]])], calendars: [] }
    expect(sum(partsOf(factsOf(accruing({ amount: 26, frequency: 'hourly' }), person(), idle)))).toBe(0)
  })
})

describe('a year that begins on the day of joining', () => {
  const joined = (joinsOn: string) => person({ employments: [{ joinsOn, leavesOn: null }] })
  const yearly = accruing({ amount: 30, yearStart: 'anniversary' })

  it('begins on the anniversary', () => {
    const days = [...take(duesAfter(factsOf(yearly, joined('2024-03-15')), '2024-03-15', null), 3)]
    expect(days.map(({ on, year }) => [on, year.to])).toEqual([
      ['2024-03-15', '2025-03-14'],
      ['2025-03-15', '2026-03-14'],
      ['2026-03-15', '2027-03-14'],
    ])
    expect(days.map((due) => due.worth())).toEqual([30_000, 30_000, 30_000])
  })

  it('of who joined on 29 February begins on the 28th in other years, and on the 29th in leap years', () => {
    const facts = factsOf(
      accruing({ amount: 12, frequency: 'monthly', yearStart: 'anniversary' }),
      joined('2024-02-29'),
    )
    const days = [...take(duesAfter(facts, '2024-02-29', null), 49)].map(({ on }) => on)
    expect([days[1], days[12], days[13], days[48]]).toEqual([
      '2024-03-29',
      '2025-02-28',
      '2025-03-29',
      '2028-02-29',
    ])
  })
})

describe('joining and leaving', () => {
  const employed = (joinsOn: string, leavesOn: string | null = null) =>
    person({ employments: [{ joinsOn, leavesOn }], terms: [terms({ from: joinsOn })] })

  it('gives the days of a year that are worked', () => {
    // 184 of 365 days
    expect(partsOf(factsOf(accruing({ amount: 30 }), employed('2026-07-01')))).toEqual({
      '2026-07-01': 15.12,
    })
    expect(partsOf(factsOf(accruing({ amount: 30 }), employed('2020-01-01', '2026-06-30')))).toEqual({
      '2026-01-01': 14.88,
    })
  })

  it('gives whole months, and of the months of joining and leaving the days', () => {
    const monthly = accruing({ amount: 24, frequency: 'monthly' })
    expect(partsOf(factsOf(monthly, employed('2026-10-16')))).toEqual({
      '2026-10-16': 1.03,
      '2026-11-01': 2,
      '2026-12-01': 2,
    })
    const atEnd = accruing({ amount: 24, frequency: 'monthly', timing: 'end' })
    expect(partsOf(factsOf(atEnd, employed('2020-01-01', '2026-02-14')))).toEqual({
      '2026-01-31': 2,
      '2026-02-14': 1,
    })
  })

  it('gives periods that are begun in full where employment is not prorated', () => {
    const whole = { prorateEmployment: false } as const
    expect(partsOf(factsOf(accruing({ amount: 30, ...whole }), employed('2026-07-01')))).toEqual({
      '2026-07-01': 30,
    })
    const monthly = accruing({ amount: 24, frequency: 'monthly', ...whole })
    expect(partsOf(factsOf(monthly, employed('2026-10-16', '2026-11-03')))).toEqual({
      '2026-10-16': 2,
      '2026-11-01': 2,
    })
  })

  it('counts a period that is begun once for who comes back within it', () => {
    const back = person({
      employments: [
        { joinsOn: '2020-01-01', leavesOn: '2026-03-31' },
        { joinsOn: '2026-09-01', leavesOn: null },
      ],
    })
    const parts = partsOf(factsOf(accruing({ amount: 30, prorateEmployment: false }), back))
    expect(sum(parts)).toBe(30)
    const prorated = partsOf(factsOf(accruing({ amount: 30 }), back))
    // 90 days, and 122 days
    expect(prorated).toEqual({ '2026-01-01': 7.4, '2026-09-01': 10.02 })
  })

  it('gives nothing after the end, nor before the beginning', () => {
    expect([
      ...duesAfter(
        factsOf(accruing({ amount: 30 }), employed('2020-01-01', '2025-12-31')),
        '2026-01-01',
        null,
      ),
    ]).toEqual([])
  })
})

describe('FTE', () => {
  const halved = person({ terms: [terms(), terms({ from: '2026-07-01', fte: 500 })] })

  it('counts for its days, also in the middle of a period', () => {
    // 30 * (181 + 184 / 2) / 365
    expect(partsOf(factsOf(accruing({ amount: 30 }), halved))).toEqual({ '2026-01-01': 22.44 })
    const midMonth = person({ terms: [terms(), terms({ from: '2026-04-16', fte: 500 })] })
    const parts = partsOf(factsOf(accruing({ amount: 24, frequency: 'monthly' }), midMonth))
    expect([parts['2026-03-01'], parts['2026-04-01'], parts['2026-05-01']]).toEqual([2, 1.5, 1])
  })

  it('makes no difference where it is not prorated', () => {
    expect(partsOf(factsOf(accruing({ amount: 30, prorateFte: false }), halved))).toEqual({
      '2026-01-01': 30,
    })
  })
})

describe('tenure', () => {
  const steps = [
    { afterYears: 5, amount: 33 },
    { afterYears: 10, amount: 36 },
  ]

  it('raises the entitlement from the anniversary on, within a year too', () => {
    const facts = factsOf(
      accruing({ amount: 30, steps, frequency: 'monthly' }),
      person({ employments: [{ joinsOn: '2021-07-16', leavesOn: null }] }),
    )
    const parts = partsOf(facts)
    expect([parts['2026-06-01'], parts['2026-07-01'], parts['2026-08-01']]).toEqual([2.5, 2.63, 2.75])
    expect(partsOf(facts, '2027')['2027-05-01']).toBe(2.75)
    expect(partsOf(facts, '2032')['2032-05-01']).toBe(3)
  })
})

describe('rules that change', () => {
  it('count for their days, and come due when they begin', () => {
    const versions = [...accruing({ amount: 24 }), ...accruing({ amount: 30 }, '2026-07-01')]
    // 24 * 181 / 365, and 30 * 184 / 365
    expect(partsOf(factsOf(versions))).toEqual({ '2026-01-01': 11.9, '2026-07-01': 15.12 })
  })

  it('count by the terms of the day', () => {
    const berlin = rules({
      accrual: { amount: 30 },
      eligibility: { locations: ['Berlin'], waitingMonths: 0 },
    })
    const mover = person({
      terms: [terms({ location: 'Leeds' }), terms({ from: '2026-12-31', location: 'Berlin' })],
    })
    expect(partsOf(factsOf([{ from: '2000-01-01', rules: berlin }], mover))).toEqual({ '2026-12-31': 0.08 })
  })

  it('stop where nothing accrues by itself any more', () => {
    const versions = [
      ...accruing({ amount: 24, frequency: 'monthly' }),
      { from: '2026-03-01', rules: rules({ accrual: null }) },
    ]
    expect(partsOf(factsOf(versions))).toEqual({ '2026-01-01': 2, '2026-02-01': 2 })
  })

  it('never let a year grant more than its cap', () => {
    const parts = partsOf(factsOf(accruing({ amount: 24, frequency: 'monthly', yearlyCap: 5 })))
    expect(Object.values(parts)).toEqual([2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  })
})

it('goes on after any day as if it had been asked from the beginning', () => {
  const facts = factsOf(
    [
      ...accruing({ amount: 19, frequency: 'monthly', timing: 'end' }),
      ...accruing({ amount: 25, frequency: 'weekly' }, '2026-05-20'),
    ],
    person({ terms: [terms(), terms({ from: '2026-02-10', fte: 615 })] }),
  )
  const all = [...take(duesAfter(facts, '2026-01-01', null), 40)].map(({ on, worth }) => [on, worth()])
  for (let day = '2025-12-31'; day < '2026-08-01'; day = addDays(day, 1)) {
    const rest = all.filter(([on]) => on! > day)
    expect(
      [...take(duesAfter(facts, '2026-01-01', day), rest.length)].map(({ on, worth }) => [on, worth()]),
    ).toEqual(rest)
  }
})

function* take<T>(source: Iterable<T>, count: number): Generator<T> {
  let taken = 0
  if (count === 0) return
  for (const item of source) {
    yield item
    if (++taken === count) return
  }
}
