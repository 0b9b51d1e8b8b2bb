import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, testCall, testDatabase } from '#kit/testing.ts'
import { constraints, migrations } from '../schema.ts'
import { beginAttempt, endAttempt } from './throttle.ts'

let db: TestDatabase
const tenant = randomUUIDv7()
const account = randomUUIDv7()
beforeAll(async () => {
  db = await testDatabase({ service: 'identity', migrations, constraints })
  await db.sudo('insert into tenant (id, slug, company_name) values ($1, $2, $2)', [tenant, 'initech'])
  await db.sudo('insert into account (tenant, id, email) values ($1, $2, $3)', [
    tenant,
    account,
    'a@b.example',
  ])
})
afterAll(() => db.close())

describe('the database itself', () => {
  const assign = (source: string, role: string, reach: string) =>
    db.sudo(
      'insert into role_assignment (tenant, account, source, role, reach) values ($1, $2, $3, $4, $5)',
      [tenant, account, source, role, reach],
    )

  it.each([
    ['granted', 'employee', 'all'],
    ['granted', 'manager', 'all'],
    ['granted', 'emperor', 'all'],
    ['provisioned', 'hr-admin', 'all'],
    ['provisioned', 'operator', 'all'],
  ])('refuses a %s role %s over %s', async (source, role, reach) => {
    await expect(assign(source, role, reach)).rejects.toThrow('violates check constraint')
  })

  it('refuses an address in capitals, a password that is no Argon2id hash, and an erased account with an address', async () => {
    const insert = 'insert into account (tenant, id, email, status) values ($1, $2, $3, $4)'
    for (const values of [
      ['A@b.example', 'open'],
      ['c@b.example', 'erased'],
      [null, 'open'],
    ])
      await expect(db.sudo(insert, [tenant, randomUUIDv7(), ...values])).rejects.toThrow('check constraint')
    await expect(
      db.sudo('insert into credential (tenant, account, password_hash) values ($1, $2, $3)', [
        tenant,
        account,
        'a password',
      ]),
    ).rejects.toThrow('check constraint')
  })

  it('refuses an account of one tenant in the rows of another', async () => {
    const other = randomUUIDv7()
    await db.sudo('insert into tenant (id, slug, company_name) values ($1, $2, $2)', [other, 'other'])
    await expect(
      db.sudo('insert into account_tenant (account, tenant) values ($1, $2)', [account, other]),
    ).rejects.toThrow('foreign key')
    const write = db.database.write(testCall(other), (tx) =>
      tx.query('insert into account (tenant, id, email) values ($1, $2, $3)', [
        tenant,
        randomUUIDv7(),
        'x@y.example',
      ]),
    )
    await expect(write).rejects.toThrow('row-level security')
  })
})

describe('the count of failed logins', () => {
  const keys = { account: 'someone', address: 'somewhere' }
  const attempt = () => db.database.unscoped(testCall(tenant), (tx) => beginAttempt(tx, keys))
  const rows = () =>
    db.sudo<{ kind: string; failures: number }>('select kind, failures from login_throttle order by kind')

  it('lets one of many at once through where the next failure begins a pause', async () => {
    expect(await attempt()).toBe(0)
    await db.sudo(`update login_throttle set failures = 9 where kind = 'account'`)
    const waits = await Promise.all(Array.from({ length: 30 }, attempt))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(1)
    expect(Math.max(...waits)).toBe(16)
    expect(await rows()).toEqual([
      { kind: 'account', failures: 10 },
      { kind: 'address', failures: 2 },
    ])
  })

  it('ends with a success, of the account alone', async () => {
    await db.database.unscoped(testCall(tenant), (tx) => endAttempt(tx, keys))
    expect(await rows()).toEqual([{ kind: 'address', failures: 1 }])
  })

  it('begins anew after a quiet hour', async () => {
    await db.sudo(`update login_throttle set failures = 99, last_at = now() - interval '61 minutes'`)
    expect(await attempt()).toBe(0)
    expect(await rows()).toEqual([
      { kind: 'account', failures: 1 },
      { kind: 'address', failures: 1 },
    ])
  })
})
