import type { Constraints } from '#kit/database.ts'

/** What the database refuses, as the problem that the domain would have answered. */
export const constraints: Constraints = {
  employee_number: 'employee-number-taken',
  org_unit_code: 'org-unit-code-taken',
  position_code: 'position-code-taken',
  employee_born_before_joining: 'birth-not-before-joining',
  employment_joins_before_leaving: 'leaving-before-joining',
  employment_overlap: 'employment-overlap',
  employee_version_within_employment: 'outside-employment',
  employee_not_own_manager: 'reporting-cycle',
  employee_manager: 'reference-unknown',
  employee_org_unit: 'reference-unknown',
  employee_position: 'reference-unknown',
  position_org_unit: 'reference-unknown',
  org_unit_parent: 'reference-unknown',
  org_unit_head: 'reference-unknown',
  org_unit_not_its_parent: 'org-unit-cycle',
}
