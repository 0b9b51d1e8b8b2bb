import type { Frequency } from '../contract/schemas.ts'
import { amountOf } from './amount.ts'
import type { Accrual, Person, Policy, PolicyRules, Terms } from './model.ts'
import { termsOn } from './person.ts'
import { refuse } from './refuse.ts'

/** The rules of a policy that are in force on a date. */
export const rulesOn = ({ versions }: Policy, date: string): PolicyRules | undefined =>
  versions.findLast(({ from }) => from <= date)?.rules

/**
 * What applies to leave of a type that an employee takes on a date: of the policies of that type, which come in the
 * order of their rank, the first whose rules of that date are for somebody on the employee's terms of that date.
 */
export function policyFor(
  policies: readonly Policy[],
  person: Person,
  typeId: string,
  date: string,
): { policy: Policy; rules: PolicyRules } | null {
  const terms = termsOn(person, date)
  for (const policy of policies) {
    if (policy.typeId !== typeId) continue
    const rules = rulesOn(policy, date)
    if (rules && isEligible(rules, terms)) return { policy, rules }
  }
  return null
}

function isEligible({ eligibility }: PolicyRules, terms: Terms): boolean {
  const has = (allowed: readonly string[] | undefined, value: string | null) =>
    allowed === undefined || (value !== null && allowed.includes(value))
  return (
    has(eligibility.employmentTypes, terms.employmentType) &&
    has(eligibility.locations, terms.location) &&
    has(eligibility.orgUnitIds, terms.orgUnitId)
  )
}

/** Into how many grants a year's entitlement comes. */
const grantsOfYear: Readonly<Record<Frequency, number>> = {
  yearly: 1,
  'half-yearly': 2,
  quarterly: 4,
  monthly: 12,
  weekly: 52,
  daily: 365,
  hourly: 365,
}

/** Refuses rules that can't work; `pointer` is where they stand in the input. */
export function assertRules(rules: PolicyRules, pointer: string): void {
  if (rules.accrual) assertAccrual(rules.accrual, `${pointer}/accrual`)
  if (!rules.approval.some(({ longerThanDays }) => longerThanDays === undefined))
    throw refuse('policy-without-approver', {
      detail: 'Name one approver without longerThanDays, so that short requests have one too',
      pointer: `${pointer}/approval`,
    })
  for (const [i, { from, to }] of rules.booking.blockDates.entries())
    if (to < from)
      throw refuse('policy-dates-disordered', { pointer: `${pointer}/booking/blockDates/${i}/to` })
}

function assertAccrual(accrual: Accrual, pointer: string): void {
  const { amount, steps, rounding, frequency, balanceCap, yearlyCap } = accrual
  for (const [i, { afterYears }] of steps.entries())
    if (i > 0 && afterYears <= steps[i - 1]!.afterYears)
      throw refuse('policy-steps-disordered', { pointer: `${pointer}/steps/${i}/afterYears` })

  const amounts = [amount, ...steps.map((step) => step.amount)]
  const unrounded = amounts.findIndex((value) => amountOf(value) % amountOf(rounding) !== 0)
  if (unrounded >= 0)
    throw refuse('policy-amount-unrounded', {
      detail: `It is rounded to ${rounding}: the parts of a year would not add up to it`,
      pointer: unrounded === 0 ? `${pointer}/amount` : `${pointer}/steps/${unrounded - 1}/amount`,
    })

  const most = Math.max(...amounts)
  if (yearlyCap !== undefined && yearlyCap < most)
    throw refuse('policy-cap-below-grant', {
      detail: `A year grants up to ${most}`,
      pointer: `${pointer}/yearlyCap`,
    })
  // What accrues in many parts may stop below the year's amount, but a single part must fit in.
  const part = most / grantsOfYear[frequency]
  if (balanceCap !== undefined && balanceCap < part)
    throw refuse('policy-cap-below-grant', {
      detail: `One ${frequency} accrual grants up to ${part.toFixed(3)}`,
      pointer: `${pointer}/balanceCap`,
    })
}
