import { describe, expect, it } from 'vitest'
import { DomainError } from '#kit/problem.ts'
import type { Policy } from './model.ts'
import { assertRules, policyFor } from './policy.ts'
import { person, rules, terms } from './testing.ts'

const policy = (id: string, given: Parameters<typeof rules>[0] = {}, more: Partial<Policy> = {}): Policy => ({
  id,
  typeId: 'vacation',
  rank: 100,
  versions: [{ from: '2020-01-01', rules: rules(given) }],
  ...more,
})

describe('the policy for somebody', () => {
  const idFor = (policies: Policy[], who = person(), date = '2026-03-02') =>
    policyFor(policies, who, 'vacation', date)?.policy.id

  it('is the first of the type that fits', () => {
    const interns = policy('interns', { eligibility: { employmentTypes: ['intern', 'temporary'] } })
    const leeds = policy('leeds', { eligibility: { locations: ['Leeds'] } })
    const unit = policy('unit', { eligibility: { orgUnitIds: ['00000000-0000-4000-8000-000000000001'] } })
    const sick = policy('sick', {}, { typeId: 'sick' })
    const all = [sick, interns, leeds, unit, policy('all'), policy('last')]
    const who = (given: Parameters<typeof terms>[0]) => person({ terms: [terms(given)] })
    expect(idFor(all)).toBe('all')
    expect(idFor(all, who({ employmentType: 'intern' }))).toBe('interns')
    expect(idFor(all, who({ location: 'Leeds' }))).toBe('leeds')
    expect(idFor(all, who({ orgUnitId: '00000000-0000-4000-8000-000000000001' }))).toBe('unit')
    expect(idFor([sick, interns, leeds, unit])).toBeUndefined()
  })

  it('needs each of the conditions', () => {
    const both = policy('both', { eligibility: { employmentTypes: ['intern'], locations: ['Leeds'] } })
    const who = (employmentType: string, location: string) =>
      person({ terms: [terms({ employmentType, location })] })
    expect(idFor([both], who('intern', 'Leeds'))).toBe('both')
    expect(idFor([both], who('intern', 'Hull'))).toBeUndefined()
    expect(idFor([both], who('permanent', 'Leeds'))).toBeUndefined()
  })

  it('follows terms and rules of the date', () => {
    const moving = person({
      terms: [terms({ to: '2026-03-31' }), terms({ from: '2026-04-01', location: 'Leeds' })],
    })
    const changing = policy(
      'leeds',
      {},
      {
        versions: [
          { from: '2026-01-01', rules: rules({ eligibility: { locations: ['Leeds'] } }) },
          { from: '2026-06-01', rules: rules({ eligibility: { locations: ['Hull'] }, accrual: null }) },
        ],
      },
    )
    expect(policyFor([changing], moving, 'vacation', '2026-03-31')).toBeNull()
    expect(policyFor([changing], moving, 'vacation', '2026-04-01')).toEqual({
      policy: changing,
      rules: changing.versions[0]!.rules,
    })
    expect(policyFor([changing], moving, 'vacation', '2026-06-01')).toBeNull()
    const always = person({ terms: [terms({ location: 'Leeds' })] })
    expect(policyFor([changing], always, 'vacation', '2025-12-31')).toBeNull()
  })
})

describe('rules that cannot work are refused:', () => {
  type Rules = Parameters<typeof rules>[0]
  const refusalOf = (given: Rules) => {
    try {
      assertRules(rules(given), '/rules')
      return null
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return `${error.code} ${error.details.pointer}`
    }
  }
  const accrual = (given: object): Rules => ({ accrual: { amount: 24, ...given } })

  it.each<[string, Rules, string]>([
    [
      'a cap of the year below its grant',
      accrual({ yearlyCap: 23.999 }),
      'cap-below-grant /rules/accrual/yearlyCap',
    ],
    [
      'a cap of the year below a later step',
      accrual({ yearlyCap: 24, steps: [{ afterYears: 5, amount: 30 }] }),
      'cap-below-grant /rules/accrual/yearlyCap',
    ],
    [
      'a cap of the balance below a grant',
      accrual({ balanceCap: 23 }),
      'cap-below-grant /rules/accrual/balanceCap',
    ],
    [
      'a cap of the balance below the grant of a month',
      accrual({ balanceCap: 1.999, frequency: 'monthly' }),
      'cap-below-grant /rules/accrual/balanceCap',
    ],
    ['nobody to approve', { approval: [] }, 'without-approver /rules/approval'],
    [
      'nobody to approve what is short',
      {
        approval: [
          { approver: 'manager', longerThanDays: 2 },
          { approver: 'hr', longerThanDays: 1 },
        ],
      },
      'without-approver /rules/approval',
    ],
    [
      'steps of tenure out of order',
      accrual({
        steps: [
          { afterYears: 5, amount: 26 },
          { afterYears: 3, amount: 25 },
        ],
      }),
      'steps-disordered /rules/accrual/steps/1/afterYears',
    ],
    [
      'two steps at once',
      accrual({
        steps: [
          { afterYears: 5, amount: 26 },
          { afterYears: 5, amount: 25 },
        ],
      }),
      'steps-disordered /rules/accrual/steps/1/afterYears',
    ],
    [
      'block dates that end before they begin',
      {
        booking: {
          blockDates: [
            { from: '2026-12-24', to: '2026-12-24', name: 'Eve' },
            { from: '2026-12-24', to: '2026-12-23', name: 'Stocktaking' },
          ],
        },
      },
      'dates-disordered /rules/booking/blockDates/1/to',
    ],
    [
      'an entitlement finer than its rounding',
      { accrual: { amount: 25.3, rounding: 0.5 } },
      'amount-unrounded /rules/accrual/amount',
    ],
    [
      'a step finer than its rounding',
      accrual({ rounding: 1, steps: [{ afterYears: 1, amount: 24.5 }] }),
      'amount-unrounded /rules/accrual/steps/0/amount',
    ],
  ])('%s', (_, given, refusal) => {
    expect(refusalOf(given)).toBe(`policy-${refusal}`)
  })

  it.each<[string, Rules]>([
    ['none at all', {}],
    ['no accrual', { accrual: null }],
    ['caps that are just met', accrual({ yearlyCap: 24, balanceCap: 2, frequency: 'monthly' })],
    [
      'a second approver of long leave',
      { approval: [{ approver: 'manager' }, { approver: 'hr', longerThanDays: 10 }] },
    ],
    ['a blocked day', { booking: { blockDates: [{ from: '2026-12-24', to: '2026-12-24', name: 'Eve' }] } }],
    ['an entitlement of thousandths', { accrual: { amount: 12.345, rounding: 0.001 } }],
  ])('but not %s', (_, given) => {
    expect(refusalOf(given)).toBeNull()
  })
})
