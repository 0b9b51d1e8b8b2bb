import { createHmac } from 'node:crypto'
import { backgroundCall } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import { isUsable, normalizeEmail } from './domain/account.ts'
import type { ThrottleKind } from './domain/throttle.ts'
import { isPassword } from './passwords.ts'
import { findLogin, recordLogin } from './store/login.ts'
import { beginAttempt, endAttempt } from './store/throttle.ts'

export interface Credentials {
  /** Short name of the company. */
  company: string
  email: string
  password: string
}

export type LoginResult =
  | { ok: true; account: string }
  /** Deliberately one answer for unknown company, unknown person, wrong password and disabled account. */
  | { ok: false; reason: 'refused' }
  | { ok: false; reason: 'throttled'; seconds: number }

const call = () => backgroundCall({ service: 'identity', operation: 'login', deadline: 10_000 })

/** Checks a login; failures are slowed per account and per address. */
export async function logIn(
  database: Database,
  credentials: Credentials,
  address: string,
  secret: string,
): Promise<LoginResult> {
  const slug = credentials.company.trim().toLowerCase()
  const email = normalizeEmail(credentials.email)
  const keyed = (value: string) => createHmac('sha256', secret).update(value).digest('base64url')
  const keys: Record<ThrottleKind, string> = {
    account: keyed(`account\n${slug}\n${email}`),
    address: keyed(`address\n${address}`),
  }
  const seconds = await database.unscoped(call(), (tx) => beginAttempt(tx, keys))
  if (seconds > 0) return { ok: false, reason: 'throttled', seconds }

  const found = await database.unscoped(call(), (tx) => findLogin(tx, slug, email))
  const matches = await isPassword(found?.passwordHash, credentials.password)
  if (!found || !matches || !isUsable(found, new Date())) return { ok: false, reason: 'refused' }
  await database.unscoped(call(), async (tx) => {
    await endAttempt(tx, keys)
    await recordLogin(tx, found.tenant, found.account)
  })
  return { ok: true, account: found.account }
}
