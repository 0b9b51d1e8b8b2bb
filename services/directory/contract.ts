import { contract } from '#kit/contract.ts'
import { feed } from '#kit/events.ts'
import { employeeOperations } from './contract/employees.ts'
import { importOperations } from './contract/imports.ts'
import { organizationOperations } from './contract/organization.ts'
import { peopleOperations } from './contract/people.ts'
import { problems } from './contract/problems.ts'
import { tenantOperations } from './contract/tenant.ts'

/** Who works here, where, for whom, since when: org units, positions, employees with their history. */
export const directoryContract = contract({
  service: 'directory',
  layer: 'data',
  problems,
  operations: {
    ...organizationOperations,
    ...employeeOperations,
    ...peopleOperations,
    ...importOperations,
    ...tenantOperations,
    events: feed('What happened to employees, org units and positions'),
  },
})
