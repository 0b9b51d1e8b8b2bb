import { env } from 'node:process'
import type { z } from 'zod'
import { policyRules } from '../contract/schemas.ts'
import type { Calendar, Holiday, Pattern, Person, PolicyRules, Terms } from './model.ts'

/** Somebody who has worked full time in Berlin since 2020. */
export function person(given: Partial<Person> & { terms?: Terms[] } = {}): Person {
  const joinsOn = given.employments?.[0]?.joinsOn ?? '2020-01-01'
  return {
    id: 'person',
    sourceVersion: 1,
    employments: [{ joinsOn, leavesOn: null }],
    terms: [terms({ from: joinsOn })],
    schedules: [],
    ...given,
  }
}

export const terms = (given: Partial<Terms> = {}): Terms => ({
  from: '2020-01-01',
  to: null,
  managerId: null,
  orgUnitId: null,
  location: null,
  timeZone: 'Europe/Berlin',
  employmentType: 'permanent',
  fte: 1000,
  ...given,
})

export const pattern = (weeks: number[][], given: Partial<Pattern> = {}): Pattern => ({
  id: 'pattern',
  isDefault: true,
  anchor: '2024-01-01',
  ...given,
  weeks,
})

export const calendar = (holidays: Holiday[], given: Partial<Calendar> = {}): Calendar => ({
  id: 'calendar',
  isDefault: true,
  locations: [],
  ...given,
  holidays: new Map(holidays.map((holiday) => [holiday.date, holiday])),
})

/** 30 days a year at its start, approved by the manager; what is told goes before. */
export const rules = (given: Partial<z.input<typeof policyRules>> = {}): PolicyRules =>
  policyRules.parse({ accrual: { amount: 30 }, approval: [{ approver: 'manager' }], ...given })

/** How often a property is tried: as often as told, or `LEAVE_PROPERTY_RUNS` times as often. */
export const holding = (numRuns: number) => ({
  numRuns: numRuns * propertyRuns,
  ...(env.LEAVE_PROPERTY_SEED ? { seed: Number(env.LEAVE_PROPERTY_SEED) } : {}),
})
export const propertyRuns = Number(env.LEAVE_PROPERTY_RUNS ?? 1)
