import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { services } from './index.ts'
import { tenantFaults } from './kit/catalog.ts'
import { dumpSchema } from './kit/schema-dump.ts'
import { type TestDatabase, testDatabase } from './kit/testing.ts'

/** Every service that has a database, its schema as the migrations make it. */
describe.each(services.filter((service) => service.database))('the database of $name', (service) => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await testDatabase({
      service: service.name,
      migrations: new URL(`./${service.name}/migrations/`, import.meta.url),
    })
  })
  afterAll(() => db.close())

  it('keeps tenants apart, save for what it declares', async () => {
    expect(await tenantFaults(db.sudo, service.name, service.database!)).toEqual([])
  })

  it('is what schema.sql says; npm run schema writes it', async () => {
    const file = new URL(`./${service.name}/schema.sql`, import.meta.url)
    expect(await dumpSchema(db.sudo)).toBe(await readFile(file, 'utf8'))
  })
})
