import { z } from 'zod'
import { command, contract, query } from '#kit/contract.ts'
import { growing, id, instant, page, pageOf, text, version } from '#kit/schemas.ts'

/**
 * What lifecycle sees through to its end:
 * - `account`: an employee's account follows the employment, from the joining day to the leaving day
 * - `leave-projection`: leave knows the employments and terms of an employee
 * - `tenant-export`, `tenant-deletion`: all data of a company, collected or removed
 * - `erasure`: the personal values of one person, in all contexts
 */
export const kinds = ['account', 'leave-projection', 'tenant-export', 'tenant-deletion', 'erasure'] as const
/** What an export collects, in this order. */
export const recordKinds = ['org-unit', 'position', 'employee', 'account', 'leave-settings', 'leave'] as const
const states = ['scheduled', 'waiting', 'stuck', 'done'] as const

const operator = { operator: 'all' } as const
const hrAdmin = { 'hr-admin': 'all' } as const

const tenant = z.object({
  id,
  slug: z.string().meta({ description: 'Short name of the company, as typed at login' }),
  companyName: z.string(),
  status: z.enum(['active', 'suspended', 'deleted']),
  createdAt: instant,
  version,
})

const process = z.object({
  id,
  tenantId: id,
  kind: growing(kinds),
  subjectId: id.meta({
    description:
      'account, leave-projection, erasure: the employee; tenant-export: the export; tenant-deletion: the tenant',
  }),
  state: z.enum(states).meta({
    description:
      'scheduled: the next step comes at dueAt; waiting: for a fact; stuck: refused, retry it when the cause is ' +
      'gone; done: nothing to do until something new is known',
  }),
  why: z.string().nullable().meta({ description: 'What it waits for, or the rule that refused it' }),
  since: instant.meta({ description: 'Since when it is in this state for this reason' }),
  dueAt: instant.nullable(),
  attempts: z.int().meta({ description: 'How often the present step was begun' }),
  lastError: z.string().nullable().meta({ description: 'Why the last attempt failed' }),
  createdAt: instant,
  version,
})

const invitation = z.object({ url: z.url(), expiresAt: instant })

const tenantPath = '/v1/tenants/{tenantId}' as const

/** Tenants, erasure, and what is under way between the contexts. */
export const lifecycleContract = contract({
  service: 'lifecycle',
  layer: 'application',
  problems: {
    'tenant-not-found': { status: 404, title: 'There is no such tenant' },
    'tenant-slug-taken': { status: 409, title: 'Another company has this short name' },
    'tenant-deleted': { status: 409, title: 'The tenant was deleted' },
    'own-tenant': { status: 409, title: 'Nobody shuts out his own company' },
    'administrator-not-found': {
      status: 404,
      title: 'The company has no such administrator who has yet to log in',
    },
    'deletion-not-found': { status: 404, title: 'The tenant is not going to be deleted' },
    'deletion-begun': { status: 409, title: 'The data is being removed: this cannot be undone' },
    'export-not-found': { status: 404, title: 'There is no such export' },
    'export-not-ready': { status: 409, title: 'The export is not complete yet' },
    'export-expired': { status: 410, title: 'What was exported is kept no longer: export anew' },
    'employee-not-found': { status: 404, title: 'There is no such employee' },
    'still-employed': { status: 409, title: 'The person is still employed' },
    'process-not-found': { status: 404, title: 'There is no such process' },
    'process-ended': { status: 409, title: 'The process has nothing left to do' },
  },
  operations: {
    createTenant: command({
      summary: 'Creates a company; the answer has a link with which its first administrator sets a password',
      route: { method: 'POST', path: '/v1/tenants', status: 201 },
      roles: operator,
      deadline: 6000,
      input: z.strictObject({
        slug: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, {
          error: 'Lower-case letters, digits, inner hyphens',
        }),
        companyName: text(120),
        firstAdmin: z.strictObject({ email: z.email().max(254), displayName: text(120) }),
      }),
      output: tenant.extend({
        firstAdmin: z.object({ accountId: id, invitation: z.object({ url: z.url(), expiresAt: instant }) }),
      }),
      errors: ['tenant-slug-taken'],
    }),
    inviteAdministrator: command({
      summary: 'Makes a new link for an administrator who has no password yet; earlier links end',
      route: { method: 'POST', path: `${tenantPath}/invitations`, status: 201 },
      roles: operator,
      deadline: 4000,
      input: z.strictObject({ tenantId: id, accountId: id }),
      output: invitation,
      errors: ['tenant-not-found', 'administrator-not-found'],
    }),
    getTenant: query({
      summary: 'Reads a company',
      route: { method: 'GET', path: tenantPath },
      roles: operator,
      deadline: 2000,
      input: z.strictObject({ tenantId: id }),
      output: tenant,
      errors: ['tenant-not-found'],
    }),
    suspendTenant: command({
      summary: 'Keeps everybody of a company out, until it is resumed',
      route: { method: 'POST', path: `${tenantPath}/suspension` },
      roles: operator,
      deadline: 6000,
      input: z.strictObject({ tenantId: id, reason: text(500) }),
      output: tenant,
      errors: ['tenant-not-found', 'tenant-deleted', 'own-tenant'],
    }),
    resumeTenant: command({
      summary: 'Lets the people of a suspended company in again',
      route: { method: 'DELETE', path: `${tenantPath}/suspension` },
      roles: operator,
      deadline: 4000,
      input: z.strictObject({ tenantId: id }),
      output: tenant,
      errors: ['tenant-not-found', 'tenant-deleted'],
    }),

    exportTenant: command({
      summary: 'Starts an export of all data of a company',
      route: { method: 'POST', path: `${tenantPath}/exports`, status: 202 },
      roles: operator,
      deadline: 4000,
      input: z.strictObject({ tenantId: id }),
      output: z.object({ exportId: id, process }),
      errors: ['tenant-not-found', 'tenant-deleted'],
    }),
    getExport: query({
      summary: 'How far an export is',
      route: { method: 'GET', path: `${tenantPath}/exports/{exportId}` },
      roles: operator,
      deadline: 2000,
      input: z.strictObject({ tenantId: id, exportId: id }),
      output: z.object({
        exportId: id,
        status: z.enum(['collecting', 'complete', 'expired']),
        records: z.int(),
        expiresAt: instant.nullable(),
        process,
      }),
      errors: ['export-not-found'],
    }),
    listExportRecords: query({
      summary: 'Pages through what a complete export has collected',
      route: { method: 'GET', path: `${tenantPath}/exports/{exportId}/records` },
      roles: operator,
      deadline: 5000,
      input: z.strictObject({
        tenantId: id,
        exportId: id,
        cursor: z
          .string()
          .regex(/^[1-9]\d{0,7}$/, { error: 'Is not a cursor of this list' })
          .optional(),
      }),
      output: pageOf(z.object({ kind: growing(recordKinds), data: z.unknown() })),
      errors: ['export-not-found', 'export-not-ready', 'export-expired'],
    }),

    deleteTenant: command({
      summary: 'Suspends a company at once and deletes all its data after a time of grace',
      route: { method: 'POST', path: `${tenantPath}/deletion`, status: 202 },
      roles: operator,
      deadline: 4000,
      input: z.strictObject({
        tenantId: id,
        graceDays: z.int().min(0).max(365).default(30),
      }),
      output: process,
      errors: ['tenant-not-found', 'tenant-deleted', 'deletion-begun', 'own-tenant'],
    }),
    keepTenant: command({
      summary: 'Calls a deletion off while the time of grace runs; the company stays suspended',
      route: { method: 'DELETE', path: `${tenantPath}/deletion` },
      roles: operator,
      deadline: 2000,
      input: z.strictObject({ tenantId: id }),
      output: process,
      errors: ['deletion-not-found', 'deletion-begun'],
    }),

    erasePerson: command({
      summary: 'Erases the personal data of a person who has left, in all contexts',
      route: { method: 'POST', path: '/v1/erasures', status: 202 },
      roles: hrAdmin,
      tenantWide: true,
      deadline: 3000,
      input: z.strictObject({ employeeId: id }),
      output: process,
      errors: ['employee-not-found', 'still-employed'],
    }),

    listProcesses: query({
      summary:
        "What is under way: what waits, since when and why; of one's own company, for operators of all",
      route: { method: 'GET', path: '/v1/processes' },
      roles: { ...operator, ...hrAdmin },
      tenantWide: true,
      deadline: 2000,
      input: z.strictObject({
        tenantId: id.optional(),
        kind: z.enum(kinds).optional(),
        state: z.enum(states).optional(),
        ...page,
      }),
      output: pageOf(process),
    }),
    getProcess: query({
      summary: 'Reads a process',
      route: { method: 'GET', path: '/v1/processes/{processId}' },
      roles: { ...operator, ...hrAdmin },
      tenantWide: true,
      deadline: 2000,
      input: z.strictObject({ processId: id }),
      output: process,
      errors: ['process-not-found'],
    }),
    retryProcess: command({
      summary: 'Takes the next step of a process that is stuck, waits or pauses, now',
      route: { method: 'POST', path: '/v1/processes/{processId}/retry', status: 202 },
      roles: { ...operator, ...hrAdmin },
      tenantWide: true,
      deadline: 2000,
      input: z.strictObject({ processId: id }),
      output: process,
      errors: ['process-not-found', 'process-ended'],
    }),
  },
})
