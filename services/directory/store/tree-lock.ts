import type { Tx } from '#kit/tx.ts'

/**
 * Serializes changes of a tenant's trees (org units, reporting line) and of the time in which people and units can be
 * referred to: two that are legal alone must not make a cycle, or leave someone without a manager, together. Taken
 * before any row is locked; ends with the transaction.
 */
export async function lockTree(tx: Tx): Promise<void> {
  await tx.query(
    `select pg_advisory_xact_lock(hashtext('directory-tree'), hashtext($1))`,
    [tx.tenant],
    'tree_lock',
  )
}
