/**
 * The words of leave's domain, all plain data. Dates are local ones of the employee, `YYYY-MM-DD`, which compare as
 * strings; a range's last day is part of it.
 */
import type { PolicyRules } from '../contract/schemas.ts'
import type { Amount } from './amount.ts'

export type { Accrual, DayPart, PolicyRules } from '../contract/schemas.ts'

export interface Employment {
  joinsOn: string
  leavesOn: string | null
}

/** What applies to an employee from a day on. */
export interface Terms {
  from: string
  /** The last day; null while nothing follows. */
  to: string | null
  managerId: string | null
  orgUnitId: string | null
  location: string | null
  timeZone: string
  employmentType: string
  /** Thousandths of full time. */
  fte: number
}

/** An employee as leave knows him, by what directory told at a version. */
export interface Person {
  id: string
  sourceVersion: number
  employments: readonly Employment[]
  /** In the order of their days. */
  terms: readonly Terms[]
  /** What was assigned to the person alone, in the order of the days. */
  schedules: readonly { from: string; patternId: string | null; calendarId: string | null }[]
}

export interface Pattern {
  id: string
  isDefault: boolean
  /** Alternating weeks of working minutes from Monday to Sunday. */
  weeks: readonly (readonly number[])[]
  /** A day in a first week. */
  anchor: string
}

export type Portion = 'full' | 'first-half' | 'second-half'

export interface Holiday {
  date: string
  name: string
  portion: Portion
}

export interface Calendar {
  id: string
  isDefault: boolean
  locations: readonly string[]
  /** By date. */
  holidays: ReadonlyMap<string, Holiday>
}

/** All patterns and calendars of a company. */
export interface Schedules {
  patterns: readonly Pattern[]
  calendars: readonly Calendar[]
}

export interface LeaveType {
  id: string
  unit: 'day' | 'hour'
  /** How far below zero a balance may go; null: without limit. */
  overdraft: Amount | null
  open: boolean
}

/** A policy with all versions of its rules, in the order of their first days. */
export interface Policy {
  id: string
  typeId: string
  rank: number
  versions: readonly { from: string; rules: PolicyRules }[]
}

export type EntryKind =
  | 'grant'
  | 'accrual'
  | 'carry-over'
  | 'expiry'
  | 'reservation'
  | 'consumption'
  | 'reversal'
  | 'adjustment'

export type LotOrigin = 'entitlement' | 'carry-over' | 'grant' | 'overdraft'

/** What is granted together and lapses together. */
export interface Lot {
  id: string
  origin: LotOrigin
  /** First day of the leave year of an entitlement or a carry-over. */
  yearFrom: string | null
  usableFrom: string
  /** The last day on which it may be taken. */
  usableTo: string | null
  /** The sum of its entries. */
  remaining: Amount
  /** What the periods of an entitlement that are settled are worth; caps may have booked less. */
  rated: Amount
  /** What was carried over out of it. */
  carried: Amount
  closedOn: string | null
}

/** A line of the ledger that is to be written, or that a forecast expects. */
export interface EntryDraft {
  lotId: string
  kind: EntryKind
  amount: Amount
  effectiveOn: string
  requestId?: string
  reverses?: string
  /** What may happen once only for a lot and a kind. */
  period?: string
  /** Which rule or change it comes from, in kebab case. */
  cause?: string
}

/** A day of a request, and what it is charged with. */
export interface RequestDay {
  date: string
  part: Portion | 'hours'
  /** Hours asked for, in minutes. */
  asked: number | null
  /** Working time that it takes. */
  minutes: number
  amount: Amount
}
