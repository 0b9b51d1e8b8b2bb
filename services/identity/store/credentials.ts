import type { Tx } from '#kit/tx.ts'

export async function savePassword(tx: Tx, account: string, hash: string): Promise<void> {
  await tx.query(
    `insert into credential (tenant, account, password_hash) values ($1, $2, $3)
     on conflict (tenant, account) do update set password_hash = excluded.password_hash, changed_at = now()`,
    [tx.tenant, account, hash],
  )
}

/** A new invitation ends the earlier one. */
export async function saveInvitation(
  tx: Tx,
  invitation: { account: string; secretHash: string; expiresAt: Date },
): Promise<void> {
  await tx.query(
    `insert into invitation (tenant, account, secret_hash, expires_at) values ($1, $2, $3, $4)
     on conflict (tenant, account) do update
       set secret_hash = excluded.secret_hash, expires_at = excluded.expires_at`,
    [tx.tenant, invitation.account, invitation.secretHash, invitation.expiresAt],
  )
}

export async function findInvitation(tx: Tx, secretHash: string): Promise<string | undefined> {
  const [row] = await tx.query<{ account: string }>(
    'select account from invitation where secret_hash = $1 and expires_at > now()',
    [secretHash],
  )
  return row?.account
}

/** Takes an invitation: of two at once only one gets the account. */
export async function takeInvitation(tx: Tx, secretHash: string): Promise<string | undefined> {
  const [row] = await tx.query<{ account: string }>(
    'delete from invitation where secret_hash = $1 and expires_at > now() returning account',
    [secretHash],
  )
  return row?.account
}
