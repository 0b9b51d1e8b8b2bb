import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '#kit/testing.ts'
import { dayFromNow, hrOf, type Lifecycle, newHire, operator, startLifecycle } from './fixtures/company.ts'
import { kill, type Relay, relay, startWorker } from './fixtures/worker.ts'

const all = { reach: 'all' } as const
/** Longer than the lease of a deletion, after which a killed worker's step is taken again. */
const patience = 60_000

let lifecycle: Lifecycle
let identity: Relay
let leave: Relay
beforeAll(async () => {
  lifecycle = await startLifecycle()
  identity = await relay(lifecycle.urls.identity)
  leave = await relay(lifecycle.urls.leave)
})
afterAll(async () => {
  await Promise.all([identity.close(), leave.close()])
  await lifecycle.close()
})

const hire = async (tenant: string) => (await lifecycle.directory(tenant, 'hireEmployee', newHire())).id
const start = async (path: string, caller: typeof operator, body: object) => {
  const answer = await lifecycle.request('POST', path, caller, body)
  expect(answer.status).toBe(202)
  return answer.body
}
const happened = async (tenant: string, kind: string) =>
  (await lifecycle.identityDb.sudo('select 1 from event where tenant = $1 and kind = $2', [tenant, kind]))
    .length

it('export, erasure and deletion go on after the worker was killed in the middle, and do nothing twice', async () => {
  const [exported, erased, deleted] = await Promise.all([
    lifecycle.newTenant(),
    lifecycle.newTenant(),
    lifecycle.newTenant(),
  ])
  const employeeId = await hire(erased)
  for (const tenant of [exported, deleted]) await Promise.all(Array.from({ length: 3 }, () => hire(tenant)))
  await lifecycle.settle()
  await lifecycle.directory(erased, 'terminateEmployee', {
    employeeId,
    expectedVersion: 1,
    leavesOn: dayFromNow(-3),
    reason: 'Moves on',
    scope: all,
  })
  await lifecycle.settle()

  // Each answer is held back when the work is done; then the worker dies.
  const held = Promise.all([
    identity.holdBack('exportAccounts', 'deleteTenant'),
    leave.holdBack('eraseEmployee'),
  ])
  const addresses = { ...lifecycle.urls, identity: identity.url, leave: leave.url }
  const first = startWorker(lifecycle.db, addresses)
  await start(`/v1/tenants/${deleted}/deletion`, operator, { graceDays: 0 })
  const isLast = `select 1 from process where tenant = $1 and progress ->> 'phase' = 'forget'`
  await until(async () => (await lifecycle.db.sudo(isLast, [deleted])).length === 1, patience)
  const { exportId } = (await start(`/v1/tenants/${exported}/exports`, operator, {})) as { exportId: string }
  await start('/v1/erasures', hrOf(erased), { employeeId })
  await held
  await kill(first)
  const open = await lifecycle.db.sudo(
    `select kind from process where kind not in ('account', 'leave-projection') and state = 'scheduled' and leased_until is not null order by kind`,
  )
  expect(open).toEqual([{ kind: 'erasure' }, { kind: 'tenant-deletion' }, { kind: 'tenant-export' }])

  identity.hold = undefined
  leave.hold = undefined
  const second = startWorker(lifecycle.db, addresses)
  await until(
    async () => (await lifecycle.processOf(deleted, deleted, 'tenant-deletion')).state === 'done',
    patience,
  )
  await until(
    async () => (await lifecycle.processOf(erased, employeeId, 'erasure')).state === 'done',
    patience,
  )
  const path = `/v1/tenants/${exported}/exports/${exportId}`
  const complete = { status: 'complete', records: 11 }
  await until(async () => {
    const { body } = await lifecycle.request('GET', path, operator)
    return (body as typeof complete).status === 'complete'
  }, patience)
  await kill(second)

  expect((await lifecycle.request('GET', path, operator)).body).toMatchObject(complete)
  const pages = await lifecycle.db.sudo<{ n: number }>(
    'select jsonb_array_length(records) as n from export_page where tenant = $1 order by number',
    [exported],
  )
  // org units, positions, employees, accounts, leave settings, leave
  expect(pages.map(({ n }) => n)).toEqual([0, 0, 3, 4, 1, 3])
  expect(await happened(erased, 'account-erased')).toBe(1)
  expect(await happened(deleted, 'tenant-suspended')).toBe(1)
  expect(await happened(deleted, 'tenant-deleted')).toBe(1)
}, 120_000)
