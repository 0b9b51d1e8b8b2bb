import { randomUUIDv7 } from 'node:crypto'
import type { Hono } from 'hono'
import type { z } from 'zod'
import type { InputOf, OutputOf as OutputOfOperation } from '#kit/contract.ts'
import { type JobPayload, work } from '#kit/jobs.ts'
import { post, type TestCaller, type TestDatabase, testCall, testDatabase } from '#kit/testing.ts'
import { createLeaveApp } from './app.ts'
import { constraints } from './constraints.ts'
import type { policyRules } from './contract/schemas.ts'
import type { leaveContract } from './contract.ts'
import { leaveJobs } from './jobs.ts'

type Operations = (typeof leaveContract)['operations']
type Name = keyof Operations & string
export type OutputOf<K extends Name> = OutputOfOperation<Operations[K]>
type PolicyInput = Partial<z.input<typeof policyRules>>

/** What an operation answered: the output, or a problem. */
export interface Answer<T> {
  status: number
  body: T
}

const migrations = new URL('./migrations/', import.meta.url)
export const everything = { reach: 'all' } as const

/** A problem as it is answered; `fields` are those that it has at least. */
export const problem = (status: number, code: string, fields: object = {}) => ({
  status,
  body: { type: `https://staffmesh.dev/problems/${code}`, ...fields },
})

/** Background work of lifecycle in a company. */
export const lifecycleOf = (tenant: string): TestCaller => ({ tenant, account: 'job:lifecycle', roles: [] })

/** Leave on a database of its own, at an hour that a test sets. */
export async function startLeave(now = '2026-03-02T09:00:00Z') {
  const db: TestDatabase = await testDatabase({ service: 'leave', migrations, constraints })
  let instant = new Date(now)
  const clock = () => instant
  const app = createLeaveApp(db.database, clock)
  return {
    db,
    app,
    clock,
    /** Turns the clock. */
    setNow: (at: string) => {
      instant = new Date(at)
    },
    startWorker: () => work('leave', db.urls.worker, leaveJobs(db.database, clock)),
    /** Does what waits in a company, in the order in which it was enqueued, here and now: no worker need be there. */
    async workOff(tenant: string): Promise<void> {
      const { jobs } = leaveJobs(db.database, clock)
      for (;;) {
        const [job] = await db.sudo<{ id: string; task: string; payload: JobPayload }>(
          `select j.id, t.identifier as task, j.payload from graphile_worker._private_jobs j
           join graphile_worker._private_tasks t on t.id = j.task_id
           where j.payload ->> 'tenant' = $1 order by j.id limit 1`,
          [tenant],
        )
        if (!job) return
        await jobs[job.task]!(job.payload, testCall(tenant))
        await db.sudo('select graphile_worker.complete_jobs(array[$1::bigint])', [job.id])
      }
    },
    /** A company with nobody and nothing in it. */
    company: (tenant: string = randomUUIDv7()) => companyOf(app, tenant),
    /** Tables with a row that has some text in it, leaving out stored answers, which go by themselves. */
    async tablesWith(text: string): Promise<string[]> {
      const tables = await db.sudo<{ name: string }>(
        `select relname as name from pg_class
         where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'idempotency'`,
      )
      const found = await Promise.all(
        tables.map(async ({ name }) => {
          const rows = await db.sudo(`select 1 from ${name} t where t::text like '%' || $1 || '%' limit 1`, [
            text,
          ])
          return rows.length > 0 ? [name] : []
        }),
      )
      return found.flat()
    },
    close: () => db.close(),
  }
}

export type Leave = Awaited<ReturnType<typeof startLeave>>
export type Company = ReturnType<typeof companyOf>

/** 30 days a year at its start, approved by the manager. */
export const plainRules: z.input<typeof policyRules> = {
  accrual: { amount: 30 },
  approval: [{ approver: 'manager' }],
}

function companyOf(app: Hono, tenant: string) {
  const hr: TestCaller = { tenant, roles: ['hr-admin:all'] }

  /** Who an employee is to the service. */
  const as = (employee: string, ...roles: NonNullable<TestCaller['roles']>): TestCaller => ({
    tenant,
    account: employee,
    employee,
    roles: ['employee:self', ...roles],
  })

  /** Sends an operation, as HR with all rights unless told. */
  async function send<K extends Name>(
    name: K,
    input: InputOf<Operations[K]>,
    caller = hr,
    headers?: Record<string, string>,
  ): Promise<Answer<Record<string, unknown>>> {
    const { status, body } = await post(app, name, input, caller, headers)
    return { status, body: body as Record<string, unknown> }
  }

  /** Does an operation that must succeed; answers with its output. */
  async function act<K extends Name>(name: K, input: InputOf<Operations[K]>, caller = hr) {
    const { status, body } = await send(name, input, caller)
    if (status !== 200) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
    return body as OutputOf<K>
  }

  /** Somebody new, as lifecycle would tell. */
  async function hire(
    given: {
      id?: string
      version?: number
      number?: string
      joinsOn?: string
      leavesOn?: string
      managerId?: string
      terms?: Partial<InputOf<Operations['putEmployee']>['terms'][number]>
      history?: InputOf<Operations['putEmployee']>['terms']
    } = {},
  ): Promise<string> {
    const employeeId = given.id ?? randomUUIDv7()
    const joinsOn = given.joinsOn ?? '2020-01-01'
    const first = {
      effectiveFrom: joinsOn,
      effectiveTo: given.leavesOn ?? null,
      managerId: given.managerId ?? null,
      orgUnitId: null,
      location: null,
      timeZone: 'Europe/Berlin',
      employmentType: 'permanent',
      fte: 1,
      ...given.terms,
    } as const
    await act(
      'putEmployee',
      {
        employeeId,
        sourceVersion: given.version ?? 1,
        employeeNumber: given.number ?? employeeId,
        employments: [{ joinsOn, leavesOn: given.leavesOn ?? null }],
        terms: given.history ?? [first],
      },
      lifecycleOf(tenant),
    )
    return employeeId
  }

  /** Five days of eight hours, for everybody. */
  const pattern = (weeks = [[480, 480, 480, 480, 480, 0, 0]], isDefault = true) =>
    act('createWorkingPattern', {
      code: randomUUIDv7(),
      name: 'Pattern',
      weeks,
      isDefault,
      scope: everything,
    })

  /** A leave type and a policy for all. */
  async function type(
    rules: PolicyInput = {},
    given: Partial<InputOf<Operations['createLeaveType']>> = {},
    effectiveFrom = '2000-01-01',
  ) {
    const code = randomUUIDv7()
    const created = await act('createLeaveType', { code, name: 'Vacation', ...given, scope: everything })
    const policy = await act('createLeavePolicy', {
      code,
      name: 'Everybody',
      typeId: created.id,
      effectiveFrom,
      rules: { ...plainRules, ...rules },
      scope: everything,
    })
    return { ...created, policy }
  }

  /** Asks for leave, as the employee. */
  const request = (
    employeeId: string,
    typeId: string,
    startsOn: string,
    endsOn = startsOn,
    more: Partial<InputOf<Operations['submitRequest']>> = {},
  ) =>
    act(
      'submitRequest',
      { employeeId, typeId, startsOn, endsOn, ...more, scope: { reach: 'self', employeeId } },
      as(employeeId),
    )

  return { tenant, hr, as, send, act, hire, pattern, type, request }
}
