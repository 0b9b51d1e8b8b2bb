import { randomUUIDv7 } from 'node:crypto'
import { backgroundCall } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import type { IdentityConfig } from './config.ts'
import { invite } from './invitations.ts'
import { readAccount } from './store/accounts.ts'
import { createTenant } from './tenants.ts'

/**
 * Makes a tenant and its first account without anybody logged in: the platform's own tenant with the first operator,
 * or a company in a local run. Operators make all others through `createTenant`. The password is set by the
 * invitation link, as for everybody.
 */
export async function bootstrap(
  database: Database,
  config: Pick<IdentityConfig, 'publicUrl'>,
  first: {
    slug: string
    companyName: string
    admin: { email: string; displayName: string }
    role: 'operator' | 'hr-admin'
  },
) {
  const id = randomUUIDv7()
  const call = backgroundCall({ service: 'identity', operation: 'bootstrap', tenant: id })
  return database.write(call, async (tx) => {
    const { slug, companyName, admin, role } = first
    const created = await createTenant(tx, { slug, companyName, firstAdmin: admin }, { id, role })
    const account = await readAccount(tx, { accountId: created.admin.id })
    return { ...created, invitation: await invite(tx, account!, config.publicUrl) }
  })
}
