import { describe, expect, it } from 'vitest'
import type { PolicyRules } from '../contract/schemas.ts'
import { type Account, availableOn, type Facts, newLot, usableOn } from './account.ts'
import { amountOf, inUnits } from './amount.ts'
import { forecast } from './forecast.ts'
import type { EntryDraft, LotOrigin, Person } from './model.ts'
import { book, rateAnew, settle } from './settlement.ts'
import { person, rules, terms } from './testing.ts'

type Given = Parameters<typeof rules>[0]

function factsOf(
  given: Given,
  more: { person?: Person; versions?: { from: string; rules: PolicyRules }[] } = {},
): Facts {
  return {
    person: more.person ?? person(),
    type: { id: 'type', unit: 'day', overdraft: 0, open: true },
    policies: [
      {
        id: 'policy',
        typeId: 'type',
        rank: 1,
        versions: more.versions ?? [{ from: '2000-01-01', rules: rules(given) }],
      },
    ],
    schedules: { patterns: [], calendars: [] },
  }
}

const opened = (since: string, given: Partial<Account> = {}): Account => ({
  id: '01a1ff5d-9cb2-7f0c-a5d8-e74f7cf861c8',
  employeeId: 'person',
  typeId: 'type',
  since,
  balance: 0,
  floor: 0,
  settledThrough: null,
  dueOn: since,
  version: 1,
  lots: [],
  ...given,
})

/** Lots as `origin yearFrom: days left`. */
const leftIn = ({ lots }: Account) =>
  Object.fromEntries(
    lots.map(({ origin, yearFrom, usableFrom, remaining }) => [
      `${origin} ${yearFrom ?? usableFrom}`,
      inUnits(remaining),
    ]),
  )

const told = (entries: readonly EntryDraft[]) =>
  entries.map(({ kind, effectiveOn, amount }) => `${effectiveOn} ${kind} ${inUnits(amount)}`)

const lotOf = (account: Account, origin: LotOrigin, yearFrom: string | null = null) =>
  account.lots.find((lot) => lot.origin === origin && lot.yearFrom === yearFrom)!

/** Takes days out of a lot. */
const take = (facts: Facts, account: Account, lotId: string, days: number, effectiveOn: string): Account =>
  book(facts, account, [{ lotId, kind: 'consumption', amount: -amountOf(days), effectiveOn, requestId: 'r' }])
    .account

describe('settling', () => {
  it('books what is due once, whenever and however often it is asked', () => {
    const facts = factsOf({ accrual: { amount: 24, frequency: 'monthly' } })
    const first = settle(facts, opened('2026-03-10'), '2026-03-10')
    expect(told(first.entries)).toEqual([
      '2026-01-01 accrual 2',
      '2026-02-01 accrual 2',
      '2026-03-01 accrual 2',
    ])
    expect(first.account).toMatchObject({ balance: 6000, settledThrough: '2026-03-10', dueOn: '2026-04-01' })
    expect(settle(facts, first.account, '2026-03-31')).toEqual({ entries: [], account: first.account })
    expect(told(settle(facts, first.account, '2026-04-01').entries)).toEqual(['2026-04-01 accrual 2'])
  })

  it.each(['yearly', 'quarterly', 'monthly', 'weekly', 'daily', 'hourly'] as const)(
    'comes to the same day by day as all at once, %s',
    (frequency) => {
      const facts = factsOf(
        {
          accrual: { amount: 19, frequency, rounding: 0.25, balanceCap: 24, timing: 'end' },
          carryOver: { max: 7, expiresAfterMonths: 3 },
        },
        { person: person({ terms: [terms(), terms({ from: '2026-05-11', fte: 615 })] }) },
      )
      const days = [
        '2025-10-30',
        '2025-12-31',
        '2026-01-01',
        '2026-03-31',
        '2026-04-01',
        '2026-08-17',
        '2027-01-01',
      ]
      const entries: EntryDraft[] = []
      let account = opened('2025-01-01')
      for (const day of days) {
        const step = settle(facts, account, day)
        entries.push(...step.entries)
        account = step.account
      }
      const once = settle(facts, opened('2025-01-01'), '2027-01-01')
      expect(told(entries)).toEqual(told(once.entries))
      expect(leftIn(account)).toEqual(leftIn(once.account))
      expect(account.dueOn).toBe(once.account.dueOn)
    },
  )

  it('has nothing to do where nothing accrues', () => {
    const { entries, account } = settle(factsOf({ accrual: null }), opened('2026-03-10'), '2026-03-10')
    expect({ entries, dueOn: account.dueOn, lots: account.lots }).toEqual({
      entries: [],
      dueOn: null,
      lots: [],
    })
  })

  it('begins with the leave year in which the company began', () => {
    const facts = factsOf({ accrual: { amount: 30 } })
    expect(told(settle(facts, opened('2026-03-10'), '2026-03-10').entries)).toEqual(['2026-01-01 accrual 30'])
  })

  it('waits for who joins later', () => {
    const facts = factsOf(
      { accrual: { amount: 30 } },
      { person: person({ employments: [{ joinsOn: '2026-12-01', leavesOn: null }] }) },
    )
    const { entries, account } = settle(facts, opened('2026-03-10'), '2026-03-10')
    expect([entries, account.dueOn]).toEqual([[], '2026-12-01'])
    expect(told(settle(facts, account, '2026-12-01').entries)).toEqual(['2026-12-01 accrual 2.55'])
  })
})

describe('a cap on the balance', () => {
  it('cuts what accrues, which is not made up for later', () => {
    const facts = factsOf({ accrual: { amount: 24, frequency: 'monthly', balanceCap: 5 } })
    const march = settle(facts, opened('2026-01-01'), '2026-04-01')
    expect(told(march.entries)).toEqual([
      '2026-01-01 accrual 2',
      '2026-02-01 accrual 2',
      '2026-03-01 accrual 1',
    ])
    const taken = take(facts, march.account, march.account.lots[0]!.id, 4, '2026-04-10')
    expect(told(settle(facts, taken, '2026-06-01').entries)).toEqual([
      '2026-05-01 accrual 2',
      '2026-06-01 accrual 2',
    ])
  })
})

describe('the end of a leave year', () => {
  const endOf = (given: Given, days = 0, through = '2027-01-01') => {
    const facts = factsOf({ accrual: { amount: 30 }, ...given })
    const begun = settle(facts, opened('2026-01-01'), '2026-01-01').account
    const before = days === 0 ? begun : take(facts, begun, begun.lots[0]!.id, days, '2026-07-01')
    return { facts, ...settle(facts, before, through) }
  }

  it('takes what is left, where nothing is carried over', () => {
    const { entries, account } = endOf({})
    expect(told(entries)).toEqual(['2027-01-01 expiry -30', '2027-01-01 accrual 30'])
    expect(leftIn(account)).toEqual({ 'entitlement 2026-01-01': 0, 'entitlement 2027-01-01': 30 })
  })

  it('carries over up to the maximum, for a while of its own', () => {
    const { entries, account } = endOf({ carryOver: { max: 5, expiresAfterMonths: 3 } }, 20, '2027-04-01')
    expect(told(entries)).toEqual([
      '2027-01-01 carry-over -5',
      '2027-01-01 carry-over 5',
      '2027-01-01 expiry -5',
      '2027-01-01 accrual 30',
      '2027-04-01 expiry -5',
    ])
    expect(lotOf(account, 'carry-over', '2027-01-01')).toMatchObject({
      usableTo: '2027-03-31',
      closedOn: '2027-04-01',
    })
    expect(account.balance).toBe(30_000)
  })

  it('carries all over, year by year, where nothing limits it', () => {
    const { account } = endOf({ carryOver: { max: null } }, 20, '2029-01-01')
    expect(account.balance).toBe(100_000)
    expect(leftIn(account)).toMatchObject({ 'carry-over 2029-01-01': 70, 'entitlement 2029-01-01': 30 })
  })

  it('carries over once: what came from the year before lapses', () => {
    const { account } = endOf({ carryOver: { max: 5 } }, 0, '2028-01-01')
    expect(leftIn(account)).toMatchObject({ 'carry-over 2027-01-01': 0, 'carry-over 2028-01-01': 5 })
    expect(account.balance).toBe(35_000)
  })

  it('leaves debts to the next year, in full', () => {
    const { entries, account } = endOf({ carryOver: { max: 5 } }, 33)
    expect(told(entries)).toEqual([
      '2027-01-01 carry-over 3',
      '2027-01-01 carry-over -3',
      '2027-01-01 accrual 30',
    ])
    expect(leftIn(account)).toEqual({ 'entitlement 2026-01-01': 0, 'entitlement 2027-01-01': 27 })
    // They take nothing away from what may be carried over out of the next year.
    expect(lotOf(account, 'entitlement', '2027-01-01').carried).toBe(0)
  })

  it('is on the anniversary where the year begins on it', () => {
    const facts = factsOf(
      { accrual: { amount: 30, yearStart: 'anniversary' }, carryOver: { max: 2 } },
      { person: person({ employments: [{ joinsOn: '2024-02-29', leavesOn: null }] }) },
    )
    const { account } = settle(facts, opened('2024-02-29'), '2025-02-28')
    expect(leftIn(account)).toEqual({
      'entitlement 2024-02-29': 0,
      'carry-over 2025-02-28': 2,
      'entitlement 2025-02-28': 30,
    })
    expect(lotOf(account, 'entitlement', '2024-02-29').usableTo).toBe('2025-02-27')
    expect(lotOf(account, 'carry-over', '2025-02-28').usableTo).toBe('2026-02-27')
  })

  it('carries nothing over for who has left, and leaves the debts where they are', () => {
    const left = person({ employments: [{ joinsOn: '2020-01-01', leavesOn: '2026-12-31' }] })
    const facts = factsOf({ accrual: { amount: 30 }, carryOver: { max: 5 } }, { person: left })
    const begun = settle(facts, opened('2026-01-01'), '2026-01-01').account
    const ended = settle(facts, begun, '2027-06-01')
    expect(told(ended.entries)).toEqual(['2027-01-01 expiry -30'])
    expect(ended.account.dueOn).toBeNull()
    const owing = settle(facts, take(facts, begun, begun.lots[0]!.id, 31, '2026-07-01'), '2027-06-01')
    expect([owing.entries, owing.account.balance, owing.account.dueOn]).toEqual([[], -1000, null])
  })
})

describe('a grant', () => {
  const facts = factsOf({ accrual: null })
  const granted = (usableTo: string | null) =>
    book(
      facts,
      opened('2026-01-01', {
        lots: [newLot({ id: 'grant', origin: 'grant', usableFrom: '2026-01-01', usableTo })],
        dueOn: null,
      }),
      [{ lotId: 'grant', kind: 'grant', amount: 2000, effectiveOn: '2026-01-01' }],
    ).account

  it('lapses after its last day', () => {
    const account = granted('2026-06-30')
    expect(account.dueOn).toBe('2026-07-01')
    expect(told(settle(facts, account, '2026-07-01').entries)).toEqual(['2026-07-01 expiry -2'])
  })

  it('stays where it has none', () => {
    expect(granted(null).dueOn).toBeNull()
  })

  it('that owes leaves its debts to an overdraft, where no leave year follows', () => {
    const owing = take(facts, granted('2026-06-30'), 'grant', 3, '2026-06-30')
    const { account } = settle(facts, owing, '2026-07-01')
    expect(leftIn(account)).toEqual({ 'grant 2026-01-01': 0, 'overdraft 2026-07-01': -1 })
  })
})

describe('what comes back into a year that has ended', () => {
  const facts = factsOf({ accrual: { amount: 30 }, carryOver: { max: 5, expiresAfterMonths: 3 } })
  const ended = (days: number, through: string) => {
    const begun = settle(facts, opened('2026-01-01'), '2026-01-01').account
    const taken = take(facts, begun, begun.lots[0]!.id, days, '2026-07-01')
    return settle(facts, taken, through).account
  }
  const giveBack = (account: Account, days: number) =>
    book(facts, account, [
      {
        lotId: lotOf(account, 'entitlement', '2026-01-01').id,
        kind: 'reversal',
        amount: amountOf(days),
        effectiveOn: '2026-07-01',
        requestId: 'r',
        reverses: 'e',
      },
    ])

  it('is carried over as far as the maximum allows, the rest lapses', () => {
    const { entries, account } = giveBack(ended(28, '2027-02-01'), 4)
    expect(told(entries)).toEqual([
      '2026-07-01 reversal 4',
      '2027-01-01 carry-over -3',
      '2027-01-01 carry-over 3',
      '2027-01-01 expiry -1',
    ])
    expect(lotOf(account, 'carry-over', '2027-01-01').remaining).toBe(5000)
  })

  it('goes the whole way where what was carried over has lapsed too', () => {
    const { entries, account } = giveBack(ended(28, '2027-05-01'), 2)
    expect(told(entries)).toEqual([
      '2026-07-01 reversal 2',
      '2027-01-01 carry-over -2',
      '2027-01-01 carry-over 2',
      '2027-04-01 expiry -2',
    ])
    expect(account.balance).toBe(30_000)
  })

  it('pays debts that were left to the next year', () => {
    const owing = ended(33, '2027-01-01')
    const { account } = giveBack(owing, 3)
    expect(leftIn(account)).toMatchObject({
      'entitlement 2026-01-01': 0,
      'entitlement 2027-01-01': 27,
      'carry-over 2027-01-01': 3,
    })
  })
})

describe('rating anew', () => {
  it('brings what is booked to what it should be, and goes on from there', () => {
    const before = factsOf({ accrual: { amount: 24, frequency: 'monthly' } })
    const account = settle(before, opened('2026-01-01'), '2026-03-10').account
    const after = factsOf({ accrual: { amount: 30, frequency: 'monthly' } })
    const anew = rateAnew(after, account, '2026-03-10', 'policy-changed')
    expect(told(anew.entries)).toEqual(['2026-03-10 adjustment 1.5'])
    expect(told(settle(after, anew.account, '2026-04-01').entries)).toEqual(['2026-04-01 accrual 2.5'])
    expect(rateAnew(after, anew.account, '2026-03-10', 'policy-changed').entries).toEqual([])
  })

  it('takes back what was booked for days after somebody leaves', () => {
    const facts = factsOf({ accrual: { amount: 30 } })
    const account = settle(facts, opened('2026-01-01'), '2026-03-10').account
    const leaving = {
      ...facts,
      person: person({ employments: [{ joinsOn: '2020-01-01', leavesOn: '2026-06-30' }] }),
    }
    expect(told(rateAnew(leaving, account, '2026-03-10', 'employment-changed').entries)).toEqual([
      '2026-03-10 adjustment -15.12',
    ])
  })

  it('takes back a whole year that should not have been, and books the one that should', () => {
    const yearOf = (joinsOn: string) =>
      factsOf(
        { accrual: { amount: 30, yearStart: 'anniversary' } },
        { person: person({ employments: [{ joinsOn, leavesOn: null }], terms: [terms({ from: joinsOn })] }) },
      )
    const account = settle(yearOf('2026-02-01'), opened('2026-01-01'), '2026-03-10').account
    const anew = rateAnew(yearOf('2026-03-01'), account, '2026-03-10', 'employment-changed')
    expect(leftIn(anew.account)).toEqual({ 'entitlement 2026-02-01': 0, 'entitlement 2026-03-01': 30 })
  })

  it('leaves a correction of a year that has ended to the next one', () => {
    const facts = factsOf({ accrual: { amount: 30 }, carryOver: { max: 5 } })
    const begun = settle(facts, opened('2026-01-01'), '2026-01-01').account
    const ended = settle(facts, take(facts, begun, begun.lots[0]!.id, 30, '2026-07-01'), '2027-01-10').account
    const halved = {
      ...facts,
      person: person({
        terms: [terms(), terms({ from: '2026-12-01', fte: 500 }), terms({ from: '2027-01-01' })],
      }),
    }
    const { entries } = rateAnew(halved, ended, '2027-01-10', 'employment-changed')
    expect(told(entries)).toEqual([
      '2027-01-10 adjustment -1.27',
      '2027-01-10 carry-over 1.27',
      '2027-01-10 carry-over -1.27',
    ])
  })

  it('finds the day on which something is due next', () => {
    const facts = factsOf({ accrual: { amount: 30 } })
    const account = settle(facts, opened('2026-01-01'), '2026-03-10').account
    expect(account.dueOn).toBe('2027-01-01')
    const monthly = factsOf({ accrual: { amount: 30, frequency: 'monthly' } })
    expect(rateAnew(monthly, account, '2026-03-10', 'policy-changed').account.dueOn).toBe('2026-04-01')
  })
})

describe('a forecast', () => {
  const facts = factsOf({
    accrual: { amount: 24, frequency: 'monthly' },
    carryOver: { max: 5, expiresAfterMonths: 3 },
  })
  const now = settle(facts, opened('2026-01-01'), '2026-03-10').account

  it('tells what will be there on a day, and which of it may be taken then', () => {
    const { entries, account } = forecast(facts, now, '2027-02-01')
    expect(entries).toHaveLength(9 + 3 + 2)
    const available = (day: string) => availableOn(forecast(facts, now, day).account.lots, 0, day)
    expect([
      available('2026-03-31'),
      available('2026-04-01'),
      available('2027-02-01'),
      available('2027-04-01'),
    ]).toEqual([6000, 8000, 9000, 8000])
    expect(usableOn(account.lots, '2027-02-01').map(({ origin }) => origin)).toEqual([
      'carry-over',
      'entitlement',
    ])
  })
})

it('names a lot in a forecast as it will be booked', () => {
  const facts = factsOf({ accrual: { amount: 30 }, carryOver: { max: 5 } })
  const now = settle(facts, opened('2026-01-01'), '2026-01-01').account
  const ids = ({ lots }: Account) => lots.map(({ id }) => id)
  const expected = ids(forecast(facts, now, '2027-06-01').account)
  expect(expected).toEqual(ids(settle(facts, now, '2027-01-01').account))
  expect(new Set(expected).size).toBe(3)
})

describe('what is available', () => {
  const lot = (id: string, remaining: number, usableFrom: string, usableTo: string | null) => ({
    ...newLot({ id, origin: 'grant', usableFrom, usableTo }),
    remaining,
  })
  const lots = [
    lot('forever', 1000, '2026-01-01', null),
    lot('year', 5000, '2026-01-01', '2026-12-31'),
    lot('summer', 2000, '2026-06-01', '2026-08-31'),
  ]

  it('is what may be taken on the day, what lapses first before the rest', () => {
    expect(usableOn(lots, '2026-07-01').map(({ id }) => id)).toEqual(['summer', 'year', 'forever'])
    expect(availableOn(lots, 0, '2026-07-01')).toBe(8000)
    expect(availableOn(lots, 0, '2026-09-01')).toBe(6000)
  })

  it('is less by what other lots owe, more by how far a balance may go below zero', () => {
    const owing = [...lots, lot('debt', -1500, '2026-01-01', '2026-01-31')]
    expect(availableOn(owing, 0, '2026-09-01')).toBe(4500)
    expect(availableOn(owing, 3000, '2026-09-01')).toBe(7500)
    expect(availableOn(owing, null, '2026-09-01')).toBeNull()
  })
})
