import { z } from 'zod'
import { command, contract, query } from '#kit/contract.ts'
import { feed } from '#kit/events.ts'
import { id, instant, page, pageOf, scope, text, version } from '#kit/schemas.ts'

/** The company's short name, which a person types at login: a DNS label. */
const slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, { error: 'Lower-case letters, digits and inner hyphens' })
  .meta({ description: 'Short name of the company, as typed at login' })

const email = z.email().max(254)

const role = z.strictObject({
  role: z.enum(['operator', 'hr-admin', 'manager', 'employee']),
  reach: z.enum(['self', 'reports', 'all']),
})
const roles = z.array(role).max(10)

const tenant = z.object({
  id,
  slug: z.string(),
  companyName: z.string(),
  status: z.enum(['active', 'suspended', 'deleted']),
  createdAt: instant,
  version,
})

const account = z.object({
  id,
  employeeId: id.nullable(),
  email: z.string().nullable().meta({ description: 'Null once erased' }),
  displayName: z.string().nullable(),
  status: z
    .enum(['invited', 'active', 'disabled', 'erased'])
    .meta({ description: 'invited: has no password yet' }),
  activeUntil: instant.nullable().meta({ description: 'From then on it can neither log in nor refresh' }),
  roles: z.array(z.object({ role: role.shape.role, reach: role.shape.reach })),
  createdAt: instant,
  lastLoginAt: instant.nullable(),
  version,
})

/** Which account: by its own id, or by the employee whom it belongs to. */
const whose = { accountId: id.optional(), employeeId: id.optional() }
const onlyOne = {
  error: 'Give either accountId or employeeId',
  path: ['accountId'],
}
const givesOne = (input: { accountId?: string | undefined; employeeId?: string | undefined }) =>
  (input.accountId === undefined) !== (input.employeeId === undefined)

/**
 * A number that grows with every fact about one employee, e.g. the position of the feed it was read from. An account
 * keeps the newest and ignores older ones, so late and doubled events are harmless.
 */
const sourceVersion = version.meta({
  description: 'Grows with every fact about the employee; older ones are ignored',
})

/** `applied` is false where a newer version had come before. */
const applied = z.object({ account, applied: z.boolean() })

/** A partner's program, which gets tokens by client credentials. */
const machineClient = z.object({
  clientId: id,
  name: z.string(),
  roles: z.array(z.object({ role: role.shape.role, reach: role.shape.reach })),
  createdAt: instant,
})

const auditEntry = z.object({
  id,
  at: instant,
  account: z.string(),
  client: z.string(),
  operation: z.string(),
  object: z.string(),
  objectId: z.string(),
  requestId: z.string(),
  before: z.unknown().meta({ description: 'Null once erased; personal values masked without the right' }),
  after: z.unknown(),
})

export const identityContract = contract({
  service: 'identity',
  layer: 'data',
  problems: {
    'tenant-not-found': { status: 404, title: 'There is no such tenant' },
    'tenant-slug-taken': { status: 409, title: 'Another company has this short name' },
    'tenant-deleted': { status: 409, title: 'The tenant was deleted' },
    'account-not-found': { status: 404, title: 'There is no such account' },
    'account-erased': { status: 409, title: 'The account was erased' },
    'account-disabled': { status: 409, title: 'The account is disabled' },
    'email-taken': { status: 409, title: 'Another account of the company has this e-mail address' },
    'self-grant': { status: 403, title: 'Nobody may change his own roles' },
    'role-not-grantable': {
      status: 422,
      title: 'The caller may not assign this role, or not with this reach',
    },
    'client-not-found': { status: 404, title: 'There is no such client' },
    'last-admin': { status: 409, title: 'The company must keep an HR administrator who can log in' },
  },
  operations: {
    createTenant: command({
      summary: 'Creates a company with its first HR administrator (operators only)',
      deadline: 3000,
      input: z.strictObject({
        slug,
        companyName: text(120),
        firstAdmin: z.strictObject({ email, displayName: text(120) }),
      }),
      output: z.object({ tenant, admin: account }),
      errors: ['tenant-slug-taken'],
    }),
    suspendTenant: command({
      summary: 'Keeps everybody of a company out until it is resumed; ends sessions',
      access: ['user', 'job'],
      deadline: 5000,
      input: z.strictObject({ id, reason: text(500) }),
      output: tenant,
      errors: ['tenant-not-found', 'tenant-deleted'],
    }),
    resumeTenant: command({
      summary: 'Lets the people of a suspended company in again',
      access: ['user', 'job'],
      deadline: 3000,
      input: z.strictObject({ id }),
      output: tenant,
      errors: ['tenant-not-found', 'tenant-deleted'],
    }),
    deleteTenant: command({
      summary: 'Deletes the accounts of a company for good; only a tombstone of the tenant stays',
      access: ['user', 'job'],
      deadline: 20_000,
      input: z.strictObject({ id }),
      output: tenant,
      errors: ['tenant-not-found'],
    }),
    getTenant: query({
      summary: "Reads a company: the caller's own, or any for operators",
      access: ['user', 'job'],
      deadline: 1000,
      input: z.strictObject({ id }),
      output: tenant,
      errors: ['tenant-not-found'],
    }),
    exportAccounts: query({
      summary: "Pages through all accounts for a company's export",
      access: ['user', 'job'],
      deadline: 5000,
      input: z.strictObject(page),
      output: pageOf(account),
    }),

    provisionAccount: command({
      summary: 'Creates or updates the account of an employee; without one, by e-mail address',
      access: ['user', 'job'],
      deadline: 3000,
      input: z.strictObject({
        employeeId: id.optional(),
        email,
        displayName: text(120).optional(),
        roles: z
          .array(
            z.strictObject({ role: z.enum(['employee', 'manager']), reach: z.enum(['self', 'reports']) }),
          )
          .max(4)
          .meta({ description: 'Replaces what was provisioned before; roles that people granted stay' }),
        sourceVersion: sourceVersion.optional(),
      }),
      output: applied,
      errors: ['email-taken', 'account-erased', 'role-not-grantable'],
    }),
    disableAccount: command({
      summary:
        'Keeps an account out from an instant on; ends its sessions and refresh tokens when that is past',
      access: ['user', 'job'],
      deadline: 3000,
      input: z
        .strictObject({
          ...whose,
          reason: text(500),
          effectiveAt: instant.optional().meta({ description: 'Now unless told; may lie ahead' }),
          sourceVersion: sourceVersion.optional(),
        })
        .refine(givesOne, onlyOne),
      output: applied,
      errors: ['account-not-found', 'account-erased', 'last-admin'],
    }),
    enableAccount: command({
      summary: 'Lets a disabled account in again (rehire)',
      access: ['user', 'job'],
      deadline: 3000,
      input: z.strictObject({ ...whose, sourceVersion: sourceVersion.optional() }).refine(givesOne, onlyOne),
      output: applied,
      errors: ['account-not-found', 'account-erased'],
    }),
    setRoles: command({
      summary: 'Replaces the roles that people granted to an account; nobody may change his own',
      deadline: 3000,
      input: z.strictObject({ accountId: id, roles, version }),
      output: account,
      errors: ['account-not-found', 'account-erased', 'self-grant', 'role-not-grantable', 'last-admin'],
    }),
    issueInvitation: command({
      summary:
        'Makes a link, good once and for a while, with which the person sets a password; earlier links end',
      access: ['user', 'job'],
      deadline: 3000,
      input: z.strictObject(whose).refine(givesOne, onlyOne),
      output: z.object({ accountId: id, url: z.url(), expiresAt: instant }),
      errors: ['account-not-found', 'account-erased', 'account-disabled', 'role-not-grantable'],
    }),
    eraseAccount: command({
      summary: 'Erases the personal values of an account for good; the entry stays',
      access: ['job'],
      deadline: 5000,
      input: z.strictObject(whose).refine(givesOne, onlyOne),
      output: account,
      errors: ['account-not-found'],
    }),
    getAccount: query({
      summary: 'Reads an account',
      access: ['user', 'job'],
      deadline: 1000,
      input: z.strictObject({ accountId: id, scope }),
      output: account,
      errors: ['account-not-found'],
    }),
    getAccountByEmployee: query({
      summary: "Reads an employee's account",
      access: ['user', 'job'],
      deadline: 1000,
      input: z.strictObject({ employeeId: id, scope }),
      output: account,
      errors: ['account-not-found'],
    }),
    listAccounts: query({
      summary: 'Lists accounts, oldest first; with a scope narrower than all, only the own one',
      access: ['user', 'job'],
      deadline: 2000,
      input: z.strictObject({
        ...page,
        scope,
        status: account.shape.status.optional(),
        updatedSince: instant.optional(),
      }),
      output: pageOf(account),
    }),
    registerMachineClient: command({
      summary: "Registers a partner's program with roles of its own; the secret is told only here",
      deadline: 3000,
      input: z.strictObject({ name: text(120), roles }),
      output: z.object({ client: machineClient, clientSecret: z.string() }),
      errors: ['role-not-grantable'],
    }),
    removeMachineClient: command({
      summary: "Takes a partner's program its access; tokens that it has live on for their few minutes",
      deadline: 3000,
      input: z.strictObject({ clientId: id }),
      output: machineClient,
      errors: ['client-not-found'],
    }),
    listMachineClients: query({
      summary: "Lists the company's machine clients, oldest first",
      deadline: 1000,
      input: z.strictObject({}),
      output: z.object({ items: z.array(machineClient) }),
    }),
    getAuditTrail: query({
      summary: 'Pages through what was done to a tenant, an account or a machine client, newest first',
      access: ['user', 'job'],
      deadline: 2000,
      input: z.strictObject({ object: z.enum(['tenant', 'account', 'client']), id, scope, ...page }),
      output: pageOf(auditEntry),
      errors: ['account-not-found'],
    }),

    issueJobToken: query({
      summary:
        'Gives background work a short-lived token for one tenant, with an audience that the edge refuses',
      access: ['service'],
      deadline: 1000,
      input: z.strictObject({ tenant: id }),
      output: z.object({ token: z.string(), expiresAt: instant }),
      errors: ['tenant-not-found'],
    }),
    events: feed('What happened to tenants and accounts'),
  },
})
