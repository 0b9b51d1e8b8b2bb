import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { callerHeaders, type TestCaller } from '#kit/testing.ts'
import { describeMatrix } from '../workforce/matrix/describe.ts'
import type { Relation, Samples } from '../workforce/matrix/matrix.ts'
import { describeNasties } from '../workforce/matrix/nasties.ts'
import { requestOf } from '../workforce/matrix/request.ts'
import { lifecycleContract } from './contract.ts'
import { type Lifecycle, newHire, operator, startLifecycle } from './fixtures/company.ts'
import type { ProcessView } from './store.ts'

let lifecycle: Lifecycle
beforeAll(async () => {
  lifecycle = await startLifecycle()
})
afterAll(() => lifecycle.close())

/** Who calls, and what of the target's company there is to call for. */
interface Scene {
  caller: TestCaller
  tenant: string
  process: ProcessView
  /** Set by what prepares it. */
  exportId: string
  accountId: string
}

/** Lifecycle knows no reporting line: what matters is whether the target's company is the caller's. */
async function sceneOf(relation: Relation): Promise<Scene> {
  const home = await lifecycle.newTenant()
  const tenant = relation === 'foreign' ? await lifecycle.newTenant() : home
  // Without an e-mail address the process of the account waits for one.
  const { id } = await lifecycle.directory(tenant, 'hireEmployee', newHire({ email: null }))
  await lifecycle.settle()
  const process = await lifecycle.processOf(tenant, id)
  return { caller: { tenant: home, employee: randomUUID() }, tenant, process, exportId: '', accountId: '' }
}

const tenantId = ({ tenant }: Scene) => ({ tenantId: tenant })
const processId = ({ process }: Scene) => ({ processId: process.id })
const exportOf = ({ tenant, exportId }: Scene) => ({ tenantId: tenant, exportId })

async function leave({ tenant, process }: Scene): Promise<void> {
  await lifecycle.directory(tenant, 'terminateEmployee', {
    employeeId: process.subjectId,
    expectedVersion: 1,
    leavesOn: '2024-12-31',
    reason: 'Moves away',
    scope: { reach: 'all' },
  })
}

async function collect(scene: Scene): Promise<void> {
  const path = `/v1/tenants/${scene.tenant}/exports`
  const { body } = await lifecycle.request('POST', path, operator, {})
  scene.exportId = (body as { exportId: string }).exportId
  await lifecycle.settle()
}

/** Operators may not shut out their own company: another one. */
async function another(scene: Scene): Promise<void> {
  scene.tenant = await lifecycle.newTenant()
}

const samples: Samples<typeof lifecycleContract, Scene> = {
  createTenant: {
    about: 'platform',
    input: () => ({
      slug: `co-${randomUUID().slice(0, 8)}`,
      companyName: 'New',
      firstAdmin: { email: 'admin@example.com', displayName: 'The Administrator' },
    }),
  },
  getTenant: { about: 'platform', input: tenantId },
  inviteAdministrator: {
    about: 'platform',
    async prepare(scene) {
      const [admin] = await lifecycle.identityDb.sudo<{ id: string }>(
        'select id from account where tenant = $1 and employee_id is null',
        [scene.tenant],
      )
      scene.accountId = admin!.id
    },
    input: (scene) => ({ ...tenantId(scene), accountId: scene.accountId }),
  },
  suspendTenant: {
    about: 'platform',
    prepare: another,
    input: (scene) => ({ ...tenantId(scene), reason: 'Does not pay' }),
  },
  resumeTenant: { about: 'platform', input: tenantId },
  exportTenant: { about: 'platform', input: tenantId },
  getExport: { about: 'platform', prepare: collect, input: exportOf },
  listExportRecords: { about: 'platform', prepare: collect, input: exportOf },
  deleteTenant: { about: 'platform', prepare: another, input: tenantId },
  keepTenant: {
    about: 'platform',
    prepare: ({ tenant }) => lifecycle.request('POST', `/v1/tenants/${tenant}/deletion`, operator, {}),
    input: tenantId,
  },
  erasePerson: {
    about: 'person',
    prepare: leave,
    input: ({ process }) => ({ employeeId: process.subjectId }),
  },
  listProcesses: {
    about: 'platform',
    input: tenantId,
    shows: ({ items }, { process }) => items.some(({ id }) => id === process.id),
  },
  getProcess: { about: 'platform', input: processId },
  retryProcess: { about: 'platform', input: processId },
}

async function send(name: string, input: object, caller: TestCaller | undefined) {
  const operation = lifecycleContract.operations[name as keyof typeof lifecycleContract.operations]
  const { path, init } = requestOf(operation, input)
  const headers = { ...init.headers, ...(caller ? callerHeaders(caller) : {}) }
  const response = await lifecycle.app.request(path, { ...init, headers })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

describe('by role and relation', () =>
  describeMatrix({ contract: lifecycleContract, samples, scene: sceneOf, send }))

describe('with nasty input', () =>
  describeNasties({
    contract: lifecycleContract,
    samples,
    scene: () => sceneOf('direct'),
    caller: ({ tenant }) => ({ tenant, roles: ['operator:all', 'hr-admin:all'] }),
    send,
  }))
