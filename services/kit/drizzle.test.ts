import { randomUUIDv7 } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migrations } from './fixtures/counter/app.ts'
import { type TestDatabase, testCall, testDatabase } from './testing.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ service: 'counter', migrations })
})
afterAll(() => db.close())

it('builds statements with drizzle inside the tenant and the deadline of the transaction', async () => {
  const [mine, other] = [randomUUIDv7(), randomUUIDv7()]
  const insert = sql`insert into counter (tenant, id, name) values (app_tenant(), ${randomUUIDv7()}, 'built')`
  await db.database.write(testCall(mine), (tx) => tx.db.execute(insert))
  const names = (tenant: string) =>
    db.database.read(
      testCall(tenant),
      async (tx) => (await tx.db.execute(sql`select name from counter`)).rows,
    )
  expect(await names(mine)).toEqual([{ name: 'built' }])
  expect(await names(other)).toEqual([])
  const slow = testCall(mine, { deadline: Date.now() + 200 })
  await expect(db.database.read(slow, (tx) => tx.db.execute(sql`select pg_sleep(10)`))).rejects.toMatchObject(
    { code: 'deadline-exceeded' },
  )
})
