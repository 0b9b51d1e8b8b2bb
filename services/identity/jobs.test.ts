import { afterAll, beforeAll, expect, it } from 'vitest'
import { backgroundCall } from '#kit/call.ts'
import { type TestDatabase, testDatabase } from '#kit/testing.ts'
import { identityJobs } from './jobs.ts'
import { migrations } from './schema.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ service: 'identity', migrations })
})
afterAll(() => db.close())

it('deletes what has expired and nothing else', async () => {
  await db.sudo(
    `insert into oidc_artifact (model, id, payload, expires_at)
     values ('Session', 'old', '{}', now() - interval '1 second'), ('Session', 'new', '{}', now() + interval '1 day')`,
  )
  await db.sudo(
    `insert into login_throttle (kind, key, failures, blocked_until, last_at)
     values ('account', 'old', 9, now(), now() - interval '2 hours'), ('account', 'new', 1, now(), now())`,
  )
  const call = backgroundCall({ service: 'identity', operation: 'delete-expired' })
  await identityJobs(db.database).jobs['delete-expired']!({ tenant: '' }, call)
  expect(await db.sudo('select id from oidc_artifact')).toEqual([{ id: 'new' }])
  expect(await db.sudo('select key from login_throttle')).toEqual([{ key: 'new' }])
})
