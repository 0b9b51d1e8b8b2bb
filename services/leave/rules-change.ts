import type { JobDraft } from '#kit/command.ts'

/** A change of rules that requests and entitlements after it are rated anew for. */
export interface RulesChange {
  cause: 'holidays' | 'working-pattern' | 'policy'
  /** The first day that it concerns. */
  from: string
  /** Whom it concerns: those who have this calendar, pattern or policy; this employee; all where nothing is told. */
  calendarId?: string
  patternId?: string
  policyId?: string
  employeeId?: string
}

/** The job that does it. Each change has its own: one that replaced another would lose whom that one concerned. */
export const rateAnew = (change: RulesChange): JobDraft => ({ task: 'rate-anew', payload: { ...change } })
