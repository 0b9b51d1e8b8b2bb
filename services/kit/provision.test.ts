import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { expect, it } from 'vitest'
import { readProvisionConfig } from './provision.ts'

const main = fileURLToPath(new URL('./fixtures/counter/main.ts', import.meta.url))

function environmentFor(database: string) {
  const superuserUrl = process.env.TEST_POSTGRES_URL!
  const as = (role: string, password: string) => {
    const url = new URL(superuserUrl)
    return Object.assign(url, { username: role, password, pathname: `/${database}` }).href
  }
  // The passwords that testDatabase gives: roles are one for all databases of the run.
  return {
    SUPERUSER_URL: superuserUrl,
    DATABASE_URL: as('counter', 'app'),
    DATABASE_OWNER_URL: as('counter_owner', 'owner'),
    QUEUE_DATABASE_URL: as('counter_worker', 'worker'),
  }
}

it('makes the database and its roles, as often as it is run', async () => {
  const database = `test_provision_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const environment = environmentFor(database)
  const admin = new pg.Client({ connectionString: environment.SUPERUSER_URL })
  await admin.connect()
  try {
    // Other test files touch the same roles.
    await admin.query(`select pg_advisory_lock(hashtext('test-template'))`)
    for (let time = 0; time < 2; time++)
      await promisify(execFile)(process.execPath, [main, 'provision'], {
        env: { PATH: process.env.PATH, ...environment },
      })
    const app = new pg.Client({ connectionString: environment.DATABASE_URL })
    await app.connect()
    const { rows } = await app.query('select current_database() as database, current_user as role')
    expect(rows).toEqual([{ database, role: 'counter' }])
    await app.end()
  } finally {
    await admin.query(`drop database if exists ${database} with (force)`)
    await admin.end()
  }
})

it('refuses connections of other roles, whose passwords it would set', () => {
  const environment = environmentFor('counter')
  const swapped = { ...environment, DATABASE_URL: environment.DATABASE_OWNER_URL }
  expect(() => readProvisionConfig('counter', swapped)).toThrow(
    'DATABASE_URL must be a connection of the role counter',
  )
})
