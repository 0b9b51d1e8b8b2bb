import type { Constraints } from '#kit/database.ts'

/** What the database refuses, as the problem that the domain would have answered. */
export const constraints: Constraints = {
  leave_type_code: 'code-taken',
  leave_policy_code: 'code-taken',
  holiday_calendar_code: 'code-taken',
  working_pattern_code: 'code-taken',
  leave_policy_type: 'reference-unknown',
  employee_schedule_pattern: 'reference-unknown',
  employee_schedule_calendar: 'reference-unknown',
  account_employee: 'employee-not-found',
  account_type: 'leave-type-not-found',
  account_not_below_floor: 'insufficient-balance',
  leave_request_employee: 'employee-not-found',
  leave_request_day_overlap: 'overlapping-request',
  leave_run_one_at_a_time: 'leave-run-state',
  delegation_delegator: 'employee-not-found',
  delegation_delegate: 'reference-unknown',
  delegation_not_to_oneself: 'delegation-to-oneself',
  delegation_overlap: 'delegation-overlap',
}
