import { query } from '#kit/contract.ts'
import { directoryContract } from '../../directory/contract.ts'
import { everybody } from './own.ts'

const { getEmployee } = directoryContract.operations

export const profileOperations = {
  getMyProfile: query({
    summary: 'What is kept about oneself, as of a date',
    deadline: 2000,
    route: { method: 'GET', path: '/v1/me' },
    roles: everybody,
    input: getEmployee.input.omit({ employeeId: true, scope: true }),
    output: getEmployee.output.meta({ id: 'Employee' }),
    errors: getEmployee.errors,
  }),
}
