import { createHash } from 'node:crypto'
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { backgroundCall } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import type { Tx } from '#kit/tx.ts'

/** Whose ids are bearer secrets: the database keeps their hash in place of them. */
const secret = new Set(['RefreshToken', 'AuthorizationCode'])

/**
 * Seconds in which a used refresh token may come again: the answer was lost and the client tries once more. It gets
 * the same successor, see `deterministicSuccessors`.
 */
export const refreshGrace = 10

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Keeps what the OIDC library stores in one PostgreSQL table. */
export class ArtifactAdapter implements Adapter {
  private readonly model: string
  private readonly database: Database

  constructor(model: string, database: Database) {
    this.model = model
    this.database = database
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const { jti: _, ...kept } = payload
    const account = payload.accountId && uuid.test(payload.accountId) ? payload.accountId : null
    await this.run((tx) =>
      tx.query(
        // What was used stays used: a repeated refresh saves the same successor again.
        `insert into oidc_artifact (model, id, payload, account, grant_id, uid, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
         on conflict (model, id) do update set payload = excluded.payload, account = excluded.account,
           grant_id = excluded.grant_id, uid = excluded.uid, expires_at = excluded.expires_at`,
        [
          this.model,
          this.key(id),
          JSON.stringify(secret.has(this.model) ? kept : payload),
          account,
          payload.grantId ?? null,
          payload.uid ?? null,
          expiresIn,
        ],
        'artifact_save',
      ),
    )
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const found = await this.findBy('id', this.key(id))
    return found && secret.has(this.model) ? { ...found, jti: id } : found
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.findBy('uid', uid)
  }

  async findByUserCode(): Promise<undefined> {
    // Only the device flow asks, which is off.
  }

  async destroy(id: string): Promise<void> {
    await this.run((tx) =>
      tx.query(
        'delete from oidc_artifact where model = $1 and id = $2',
        [this.model, this.key(id)],
        'artifact_delete',
      ),
    )
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.run((tx) =>
      tx.query('delete from oidc_artifact where model = $1 and grant_id = $2', [this.model, grantId]),
    )
  }

  /** Of two uses of a code at once, one fails here. A refresh token's second use in its grace keeps the first's time. */
  async consume(id: string): Promise<void> {
    const rows = await this.run((tx) =>
      tx.query(
        `update oidc_artifact set consumed_at = now() where model = $1 and id = $2 and consumed_at is null returning 1`,
        [this.model, this.key(id)],
        'artifact_consume',
      ),
    )
    if (rows.length === 0 && this.model === 'AuthorizationCode')
      throw new errors.InvalidGrant('authorization code already used')
  }

  private async findBy(column: 'id' | 'uid', value: string): Promise<AdapterPayload | undefined> {
    const grace = this.model === 'RefreshToken' ? refreshGrace : 0
    const [row] = await this.run((tx) =>
      tx.query<{ payload: AdapterPayload; consumed: number | null }>(
        `select payload, case when consumed_at <= now() - make_interval(secs => $3)
           then extract(epoch from consumed_at)::int end as consumed
         from oidc_artifact where model = $1 and ${column} = $2 and expires_at > now()`,
        [this.model, value, grace],
        `artifact_by_${column}`,
      ),
    )
    if (!row) return undefined
    return row.consumed === null ? row.payload : { ...row.payload, consumed: row.consumed }
  }

  private key(id: string): string {
    return secret.has(this.model) ? createHash('sha256').update(id).digest('base64url') : id
  }

  private run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const call = backgroundCall({ service: 'identity', operation: 'oidc', deadline: 5000 })
    return this.database.unscoped(call, work)
  }
}
