import type { Hono } from 'hono'
import type { Database } from '#kit/database.ts'
import { serveFeed } from '#kit/events.ts'
import { type AppOptions, createApp, transactional } from '#kit/server.ts'
import { accountHandlers } from './accounts.ts'
import { getAuditTrail } from './audit-trail.ts'
import type { IdentityConfig } from './config.ts'
import { identityContract } from './contract.ts'
import { issueInvitation } from './invitations.ts'
import { issueJobToken } from './job-tokens.ts'
import { machineClientHandlers, registerMachineClient } from './machine-clients.ts'
import { tenantHandlers } from './tenants.ts'

/** The operations; the OpenID Connect provider beside them is `oidc/handler.ts`. */
export const createIdentityApp = (
  database: Database,
  config: IdentityConfig,
  options: AppOptions = {},
): Hono =>
  createApp(
    identityContract,
    {
      ...transactional(identityContract, database, {
        ...tenantHandlers,
        ...accountHandlers,
        ...machineClientHandlers,
        getAuditTrail,
      }),
      registerMachineClient: registerMachineClient(database),
      issueInvitation: issueInvitation(database, config.publicUrl),
      issueJobToken: issueJobToken(database, config),
      events: serveFeed(database),
    },
    options,
  )
