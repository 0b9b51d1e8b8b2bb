import { setTimeout as sleep } from 'node:timers/promises'
import { type Call, callerOf, scopeOf } from '#kit/call.ts'
import { scopeFor } from '#kit/caller.ts'
import { type Client, clientOf } from '#kit/client.ts'
import type { OutputOf } from '#kit/contract.ts'
import { type AppOptions, createApp, type Handlers, type StreamEvent } from '#kit/server.ts'
import type { accountOperations } from './contract/accounts.ts'
import type { employeeOperations } from './contract/employees.ts'
import type { importOperations } from './contract/imports.ts'
import type { organizationOperations } from './contract/organization.ts'
import { workforceContract } from './contract.ts'
import { workforceService } from './service.ts'

type Calls = typeof workforceService.calls
type Directory = Client<Calls['directory']>
type Identity = Client<Calls['identity']>
type Import = OutputOf<typeof importOperations.getImport>

/** Clients of the declared callees; tests give other addresses. */
export interface Clients {
  directory: Directory
  identity: Identity
}

const declaredClients = (): Clients => ({
  directory: clientOf(workforceService, 'directory'),
  identity: clientOf(workforceService, 'identity'),
})

/**
 * REST for HR administrators and managers. It decides how far the caller's roles reach and passes that down; the data
 * services enforce it again and keep the rules.
 */
export const createWorkforceApp = (options: AppOptions = {}, clients = declaredClients()) =>
  createApp(
    workforceContract,
    {
      ...employees(clients.directory),
      ...organization(clients.directory),
      ...imports(clients.directory),
      ...accounts(clients.identity),
    },
    options,
  )

/** The input of the data operation: that of the REST operation, and the reach of the caller's roles. */
const scoped = <I extends object>(input: I, call: Call) => ({ ...input, scope: scopeOf(call) })

const employees = (directory: Directory): Handlers<typeof employeeOperations> => ({
  searchEmployees({ q, asOf, updatedSince, cursor, limit, ...filters }, call) {
    return directory(call).searchEmployees(scoped({ q, asOf, updatedSince, cursor, limit, filters }, call))
  },
  hireEmployee: (input, call) => directory(call).hireEmployee(scoped(input, call)),
  getEmployee: (input, call) => directory(call).getEmployee(scoped(input, call)),
  getEmployeeHistory: (input, call) => directory(call).getEmployeeHistory(scoped(input, call)),
  getEmployeeAuditTrail({ employeeId: id, ...page }, call) {
    const unmask = readsPersonalValues(call)
    return directory(call).getAuditTrail(scoped({ object: 'employee', id, unmask, ...page }, call))
  },
  changeEmployee: (input, call) => directory(call).changeEmployee(scoped(input, call)),
  correctEmployee: (input, call) => directory(call).correctEmployee(scoped(input, call)),
  transferEmployee: (input, call) => directory(call).transferEmployee(scoped(input, call)),
  changePerson: (input, call) => directory(call).changePerson(scoped(input, call)),
  terminateEmployee: (input, call) => directory(call).terminateEmployee(scoped(input, call)),
  cancelTermination: (input, call) => directory(call).cancelTermination(scoped(input, call)),
  rehireEmployee: (input, call) => directory(call).rehireEmployee(scoped(input, call)),
  getOrgChart: (input, call) => directory(call).getOrgChart(scoped(input, call)),
  getReportingLine: (input, call) => directory(call).getReportingLine(scoped(input, call)),
  countReports: (input, call) => directory(call).countReports(scoped(input, call)),
})

/** Personal values of an audit trail are for HR administrators; a manager sees which fields changed. */
const readsPersonalValues = (call: Call) => scopeFor(callerOf(call), { 'hr-admin': 'all' })?.reach === 'all'

const organization = (directory: Directory): Handlers<typeof organizationOperations> => ({
  getOrgTree: (input, call) => directory(call).getOrgTree(scoped(input, call)),
  createOrgUnit: (input, call) => directory(call).createOrgUnit(scoped(input, call)),
  getOrgUnit: (input, call) => directory(call).getOrgUnit(scoped(input, call)),
  changeOrgUnit: (input, call) => directory(call).changeOrgUnit(scoped(input, call)),
  closeOrgUnit: (input, call) => directory(call).closeOrgUnit(scoped(input, call)),
  listPositions: (input, call) => directory(call).listPositions(scoped(input, call)),
  createPosition: (input, call) => directory(call).createPosition(scoped(input, call)),
  getPosition: (input, call) => directory(call).getPosition(scoped(input, call)),
  changePosition: (input, call) => directory(call).changePosition(scoped(input, call)),
  getOrganizationAuditTrail: (input, call) => directory(call).getAuditTrail(scoped(input, call)),
})

const imports = (directory: Directory): Handlers<typeof importOperations> => ({
  createImport: (input, call) => directory(call).createImport(scoped(input, call)),
  listImports: (input, call) => directory(call).listImports(scoped(input, call)),
  getImport: (input, call) => directory(call).getImport(scoped(input, call)),
  uploadImportFile: (input, call) =>
    directory(call).uploadImportFile(input, call.body ? { body: call.body } : {}),
  startImport: (input, call) => directory(call).startImport(scoped(input, call)),
  cancelImport: (input, call) => directory(call).cancelImport(scoped(input, call)),
  listImportErrors: (input, call) => directory(call).listImportErrors(scoped(input, call)),
  async watchImport(input, call) {
    const client = directory(call)
    const read = () => client.getImport(scoped(input, call))
    return progressOf(await read(), read, call.signal)
  },
})

/** States that an import leaves by itself, or by what its owner does next. */
const unfinished: readonly Import['state'][] = ['created', 'uploaded', 'queued', 'running']
const watchInterval = 250

/** An import whenever it looks different than before; ends with the import, or when nobody listens any more. */
async function* progressOf(
  first: Import,
  read: () => Promise<Import>,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent<Import>> {
  let seen = first
  yield { id: String(seen.version), data: seen }
  while (unfinished.includes(seen.state)) {
    await sleep(watchInterval, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const now = await read()
    if (JSON.stringify(now) === JSON.stringify(seen)) continue
    seen = now
    yield { id: String(seen.version), data: seen }
  }
}

const accounts = (identity: Identity): Handlers<typeof accountOperations> => {
  /** Commands on accounts take no scope: they are for those who reach all, and aim at the account itself. */
  const accountIdOf = async (employeeId: string, call: Call) =>
    (await identity(call).getAccountByEmployee(scoped({ employeeId }, call))).id

  return {
    getAccount: (input, call) => identity(call).getAccountByEmployee(scoped(input, call)),
    async setRoles({ employeeId, ...input }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return identity(call).setRoles({ accountId, ...input })
    },
    async issueInvitation({ employeeId }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return identity(call).issueInvitation({ accountId })
    },
    async disableAccount({ employeeId, reason }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return (await identity(call).disableAccount({ accountId, reason })).account
    },
    async enableAccount({ employeeId }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return (await identity(call).enableAccount({ accountId })).account
    },
    async getAccountAuditTrail({ employeeId, ...page }, call) {
      const id = await accountIdOf(employeeId, call)
      return identity(call).getAuditTrail(scoped({ object: 'account', id, ...page }, call))
    },
  }
}
