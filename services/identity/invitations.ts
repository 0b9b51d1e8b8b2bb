import { createHash, randomBytes } from 'node:crypto'
import { backgroundCall, type Call, callerOf } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { type Answer, demandAdministrator, type Input, refuse } from './access.ts'
import { isUsable } from './domain/account.ts'
import { type PasswordFault, passwordFault } from './domain/password.ts'
import { mayChange } from './domain/roles.ts'
import { hashPassword } from './passwords.ts'
import { oidcPath } from './service.ts'
import { type Account, endSessions, lockAccount, readAccount, saveAccount } from './store/accounts.ts'
import { findInvitation, saveInvitation, savePassword, takeInvitation } from './store/credentials.ts'
import { readTenant } from './store/tenants.ts'

const lifetime = 7 * 24 * 3_600_000

/**
 * Makes an invitation link. The answer is not kept for replay, since it holds a secret: a retry makes a new link and
 * ends the one whose answer was lost.
 */
export const issueInvitation =
  (database: Database, publicUrl: string) =>
  async (input: Input<'issueInvitation'>, call: Call): Promise<Answer<'issueInvitation'>> =>
    database.write(call, async (tx) => {
      demandAdministrator(tx)
      const account = await lockAccount(tx, input)
      if (!account) throw refuse('account-not-found')
      if (account.status === 'erased') throw refuse('account-erased')
      if (account.status === 'disabled') throw refuse('account-disabled')
      // A link is as good as the account: who may not give a role may not invite who has it.
      const caller = callerOf(tx.call)
      if (!caller.account.startsWith('job:') && !mayChange(caller.grants, [], account.granted))
        throw refuse('role-not-grantable')
      return invite(tx, account, publicUrl)
    })

export async function invite(tx: CommandTx, account: Account, publicUrl: string) {
  const secret = randomBytes(32).toString('base64url')
  const expiresAt = new Date(tx.now.getTime() + lifetime)
  await saveInvitation(tx, { account: account.id, secretHash: hashOf(secret), expiresAt })
  tx.emit({ kind: 'account-invited', id: account.id, version: account.version })
  tx.audit({ object: 'account', id: account.id, after: { invited: true } })
  return {
    accountId: account.id,
    url: `${publicUrl}${oidcPath}/invitation?token=${tx.tenant}.${secret}`,
    expiresAt: expiresAt.toISOString(),
  }
}

export type Acceptance =
  | { ok: true; slug: string; email: string }
  | { ok: false; fault: PasswordFault | 'link' }

/** Whom a link invites, or undefined when it is used, ended or none. */
export async function readInvitation(database: Database, token: string) {
  const { call, secretHash } = open(token, 'read-invitation') ?? {}
  if (!call) return undefined
  return database.read(call, async (tx) => {
    const id = await findInvitation(tx, secretHash!)
    const account = id && (await readAccount(tx, { accountId: id }))
    const tenant = account && (await readTenant(tx, tx.tenant))
    if (!account || !tenant || !isUsable({ ...account, tenantStatus: tenant.status }, new Date()))
      return undefined
    return { email: account.email!, displayName: account.displayName ?? '', ...tenant }
  })
}

/** Sets the password of the person who holds the link; the link is then used up. */
export async function acceptInvitation(
  database: Database,
  token: string,
  password: string,
): Promise<Acceptance> {
  const invited = await readInvitation(database, token)
  const opened = open(token, 'accept-invitation')
  if (!invited || !opened) return { ok: false, fault: 'link' }
  const { email, displayName, slug, companyName } = invited
  const names = displayName.split(/\s+/)
  const fault = passwordFault(password, [email, email.split('@')[0]!, ...names, slug, companyName])
  if (fault) return { ok: false, fault }
  const hash = await hashPassword(password)
  return database.write(opened.call, async (tx) => {
    const id = await takeInvitation(tx, opened.secretHash)
    const account = id ? await lockAccount(tx, { accountId: id }) : undefined
    if (account?.status !== 'open') return { ok: false, fault: 'link' }
    await savePassword(tx, account.id, hash)
    // Whoever knew an earlier password is out.
    await endSessions(tx, [account.id])
    const { version } = await saveAccount(tx, account, {})
    tx.emit({ kind: 'account-activated', id: account.id, version, changed: ['status'] })
    tx.audit({ object: 'account', id: account.id, after: { password: 'set' } })
    return { ok: true, slug, email }
  })
}

const hashOf = (secret: string) => createHash('sha256').update(secret).digest('base64url')

/** A token is the tenant and a secret, so that it is looked up inside its tenant. */
function open(token: string, operation: string): { call: Call; secretHash: string } | undefined {
  const [tenant, secret] = token.split('.')
  if (!tenant || !secret || !/^[0-9a-f-]{36}$/.test(tenant)) return undefined
  const call = backgroundCall({ service: 'identity', operation, tenant, deadline: 5000 })
  return { call, secretHash: hashOf(secret) }
}
