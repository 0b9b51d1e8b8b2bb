import { callerOf } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Tx } from '#kit/tx.ts'
import { type Answer, demandAdministrator, type Input, idFrom, isJob, refuse } from './access.ts'
import { isCurrent, normalizeEmail, statusOf } from './domain/account.ts'
import { effective, isRole, isSame, mayChange } from './domain/roles.ts'
import * as store from './store/accounts.ts'

export function viewOf(account: store.Account, now = new Date()): Answer<'getAccount'> {
  return {
    id: account.id,
    employeeId: account.employeeId,
    email: account.email,
    displayName: account.displayName,
    status: statusOf(account, account.hasPassword, now),
    activeUntil: account.activeUntil?.toISOString() ?? null,
    roles: effective([...account.provisioned, ...account.granted]),
    createdAt: account.createdAt.toISOString(),
    lastLoginAt: account.lastLoginAt?.toISOString() ?? null,
    version: account.version,
  }
}

export const accountHandlers = {
  async provisionAccount(input: Input<'provisionAccount'>, tx: CommandTx) {
    demandAdministrator(tx)
    if (!input.roles.every(isRole)) throw refuse('role-not-grantable', { pointer: '/roles' })
    const email = normalizeEmail(input.email)
    const found = await store.findOrInsertAccount(tx, { employeeId: input.employeeId, email })
    const before = found.account
    if (before.status === 'erased') throw refuse('account-erased')
    if (!found.isNew && !isCurrent(before.sourceVersion, input.sourceVersion)) return ignored(tx, before)

    const displayName = input.displayName ?? before.displayName
    const changed = [
      ...(found.isNew ? ['employeeId'] : []),
      ...(found.isNew || email !== before.email ? ['email'] : []),
      ...(displayName !== before.displayName ? ['displayName'] : []),
      ...(isSame(input.roles, before.provisioned) ? [] : ['roles']),
    ]
    const sourceVersion = input.sourceVersion ?? before.sourceVersion
    if (changed.length === 0) {
      await store.saveSourceVersion(tx, before.id, sourceVersion)
      return applied(tx, { ...before, sourceVersion })
    }
    await store.saveRoles(tx, before.id, 'provisioned', input.roles)
    const saved = await store.saveAccount(tx, before, { email, displayName, sourceVersion })
    const after = { ...saved, provisioned: input.roles }
    tx.emit({ kind: 'account-provisioned', id: after.id, version: after.version, changed })
    record(tx, found.isNew ? undefined : before, after)
    return applied(tx, after)
  },

  async disableAccount(input: Input<'disableAccount'>, tx: CommandTx) {
    demandAdministrator(tx)
    await store.lockAdministrators(tx)
    const before = await lock(tx, input)
    if (!isCurrent(before.sourceVersion, input.sourceVersion)) return ignored(tx, before)
    // A termination must happen; a person must not shut the company out.
    if (!isJob(tx)) await demandOtherAdministrator(tx, before)
    const at = input.effectiveAt === undefined ? tx.now : new Date(input.effectiveAt)
    const isDue = at <= tx.now
    const sourceVersion = input.sourceVersion ?? before.sourceVersion
    if (isDue) await store.endSessions(tx, [before.id])
    const isSameAsBefore = isDue
      ? before.status === 'disabled'
      : before.activeUntil?.getTime() === at.getTime()
    if (isSameAsBefore) {
      await store.saveSourceVersion(tx, before.id, sourceVersion)
      return applied(tx, { ...before, sourceVersion })
    }
    const after = await store.saveAccount(tx, before, {
      status: isDue ? 'disabled' : before.status,
      activeUntil: at,
      sourceVersion,
    })
    tx.emit({
      kind: isDue ? 'account-disabled' : 'account-end-set',
      id: after.id,
      version: after.version,
      changed: isDue ? ['status', 'activeUntil'] : ['activeUntil'],
    })
    record(tx, before, after, input.reason)
    return applied(tx, after)
  },

  async enableAccount(input: Input<'enableAccount'>, tx: CommandTx) {
    demandAdministrator(tx)
    const before = await lock(tx, input)
    if (!isCurrent(before.sourceVersion, input.sourceVersion)) return ignored(tx, before)
    const sourceVersion = input.sourceVersion ?? before.sourceVersion
    if (before.status === 'open' && before.activeUntil === null) {
      await store.saveSourceVersion(tx, before.id, sourceVersion)
      return applied(tx, { ...before, sourceVersion })
    }
    // Whatever a refresh that ran beside the disabling left behind must not come back to life.
    await store.endSessions(tx, [before.id])
    const after = await store.saveAccount(tx, before, { status: 'open', activeUntil: null, sourceVersion })
    tx.emit({
      kind: 'account-enabled',
      id: after.id,
      version: after.version,
      changed: ['status', 'activeUntil'],
    })
    record(tx, before, after)
    return applied(tx, after)
  },

  async setRoles(input: Input<'setRoles'>, tx: CommandTx) {
    demandAdministrator(tx)
    if (callerOf(tx.call).account === input.accountId) throw refuse('self-grant')
    await store.lockAdministrators(tx)
    const before = await lock(tx, input)
    if (before.version !== input.version) throw refuse('version-conflict')
    if (!mayChange(callerOf(tx.call).grants, before.granted, input.roles))
      throw refuse('role-not-grantable', { pointer: '/roles' })
    const granted = effective(input.roles)
    if (isSame(granted, before.granted)) return viewOf(before, tx.now)
    if (!granted.some(isAdministrators)) await demandOtherAdministrator(tx, before)
    await store.saveRoles(tx, before.id, 'granted', granted)
    const after = { ...(await store.saveAccount(tx, before, {})), granted }
    tx.emit({ kind: 'account-roles-set', id: after.id, version: after.version, changed: ['roles'] })
    record(tx, before, after)
    return viewOf(after, tx.now)
  },

  async eraseAccount(input: Input<'eraseAccount'>, tx: CommandTx) {
    const before = await store.lockAccount(tx, input)
    if (!before) throw refuse('account-not-found')
    if (before.status === 'erased') return viewOf(before, tx.now)
    const after = await store.eraseAccount(tx, before)
    tx.emit({ kind: 'account-erased', id: after.id, version: after.version })
    tx.audit({ object: 'account', id: after.id, after: { status: 'erased' } })
    return viewOf(after, tx.now)
  },

  async getAccount(input: Input<'getAccount'>, tx: Tx) {
    const account = await store.readAccount(tx, { accountId: input.accountId })
    if (!account || !isWithin(input.scope, account)) throw refuse('account-not-found')
    return viewOf(account)
  },

  async getAccountByEmployee(input: Input<'getAccountByEmployee'>, tx: Tx) {
    const account = await store.readAccount(tx, { employeeId: input.employeeId })
    if (!account || !isWithin(input.scope, account)) throw refuse('account-not-found')
    return viewOf(account)
  },

  async listAccounts({ scope, status, ...input }: Input<'listAccounts'>, tx: Tx) {
    return page(tx, input, scope.reach === 'all' ? undefined : scope.employeeId, status)
  },

  async exportAccounts(input: Input<'exportAccounts'>, tx: Tx) {
    demandAdministrator(tx)
    return page(tx, input)
  },
}

/** Identity knows no reporting line: whoever has a narrower scope than all sees the own account only. */
const isWithin = (scope: Input<'getAccount'>['scope'], account: store.Account) =>
  scope.reach === 'all' || scope.employeeId === account.employeeId

async function page(
  tx: Tx,
  input: { cursor?: string | undefined; limit: number; updatedSince?: string | undefined },
  employeeId?: string,
  status?: Input<'listAccounts'>['status'],
) {
  const rows = await store.listAccounts(tx, {
    after: idFrom(input.cursor),
    limit: input.limit + 1,
    employeeId,
    updatedSince: input.updatedSince,
    status,
  })
  const items = rows.slice(0, input.limit).map((row) => viewOf(row))
  return { items, next: rows.length > input.limit ? items.at(-1)!.id : null }
}

async function lock(tx: CommandTx, whose: store.Whose): Promise<store.Account> {
  const account = await store.lockAccount(tx, whose)
  if (!account) throw refuse('account-not-found')
  if (account.status === 'erased') throw refuse('account-erased')
  return account
}

const isAdministrators = ({ role, reach }: { role: string; reach: string }) =>
  role === 'hr-admin' && reach === 'all'

/** An account that administers the company may go only while another does. */
async function demandOtherAdministrator(tx: CommandTx, account: store.Account): Promise<void> {
  if (!account.granted.some(isAdministrators)) return
  if (!(await store.hasOtherAdministrator(tx, account.id))) throw refuse('last-admin')
}

const ignored = (tx: CommandTx, account: store.Account) => ({
  account: viewOf(account, tx.now),
  applied: false,
})
const applied = (tx: CommandTx, account: store.Account) => ({
  account: viewOf(account, tx.now),
  applied: true,
})

function record(
  tx: CommandTx,
  before: store.Account | undefined,
  after: store.Account,
  reason?: string,
): void {
  const values = ({
    email,
    displayName,
    status,
    activeUntil,
    employeeId,
    provisioned,
    granted,
  }: store.Account) => ({
    email,
    displayName,
    status,
    activeUntil,
    employeeId,
    provisioned,
    granted,
  })
  tx.audit({
    object: 'account',
    id: after.id,
    ...(before ? { before: values(before) } : {}),
    after: { ...values(after), ...(reason ? { reason } : {}) },
  })
}
