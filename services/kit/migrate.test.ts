import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest'
import { migrate } from './migrate.ts'
import { openPool } from './pool.ts'
import { provision } from './provision.ts'
import { isMigrated, kitMigrations, migrationFiles } from './schema-version.ts'

const service = 'migrator'
let folder: string
let files: URL
let database: string
let urls: Awaited<ReturnType<typeof provision>>
let admin: pg.Client

beforeAll(async () => {
  admin = new pg.Client({ connectionString: inject('postgres') })
  await admin.connect()
})
afterAll(() => admin.end())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'staffmesh-migrations-'))
  files = pathToFileURL(`${folder}/`)
  database = `test_${service}_${randomUUID().slice(0, 8)}`
  urls = await provision({
    superuserUrl: inject('postgres'),
    service,
    database,
    passwords: { owner: 'o', app: 'a', worker: 'w' },
  })
})
afterEach(async () => {
  await admin.query(`drop database ${database} with (force)`)
  await rm(folder, { recursive: true })
})

const file = (name: string, sql: string) => writeFile(join(folder, name), sql)
const run = () => migrate({ service, migrations: files, ownerUrl: urls.owner, workerUrl: urls.worker })
async function owner<R extends object>(sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: urls.owner })
  await client.connect()
  try {
    return (await client.query<R>(sql)).rows
  } finally {
    await client.end()
  }
}

it('runs each file once, also when several migrators start at the same time', async () => {
  await file('001-slow.sql', 'create table runs (at int); select pg_sleep(0.2)')
  await file('002-count.sql', 'insert into runs values (1)')
  const applied = await Promise.all([run(), run(), run()])
  const kit = (await migrationFiles(kitMigrations)).map((name) => `kit/${name}`)
  expect(applied.flat().sort()).toEqual([...kit, 'migrator/001-slow.sql', 'migrator/002-count.sql'])
  expect(await owner('select count(*)::int as count from runs')).toEqual([{ count: 1 }])
  await file('003-more.sql', 'insert into runs values (2)')
  expect(await run()).toEqual(['migrator/003-more.sql'])
})

it('names the file that fails, leaves nothing of it and goes on from there', async () => {
  await file('001-good.sql', 'create table good (id int)')
  await file('002-bad.sql', 'create table half (id int); insert into nowhere values (1)')
  await expect(run()).rejects.toThrow(
    'migrator: migration migrator/002-bad.sql failed: relation "nowhere" does not exist',
  )
  expect(await owner(`select to_regclass('good')::text as good, to_regclass('half') as half`)).toEqual([
    { good: 'good', half: null },
  ])
  await file('002-bad.sql', 'create table half (id int)')
  expect(await run()).toEqual(['migrator/002-bad.sql'])
})

it('refuses names with gaps', async () => {
  await file('001-one.sql', 'select 1')
  await file('003-three.sql', 'select 1')
  await expect(run()).rejects.toThrow('003-three.sql: migrations are numbered 001-name.sql without gaps')
})

it('tells a process that its schema is there, or a later one', async () => {
  const pool = openPool({ connectionString: urls.app, max: 1 })
  const migrated = () => isMigrated(pool, service, files).catch(() => false)
  await file('001-one.sql', 'select 1')
  expect(await migrated()).toBe(false)
  await run()
  expect(await migrated()).toBe(true)
  await file('002-two.sql', 'select 1')
  expect(await migrated()).toBe(false)
  await run()
  await rm(join(folder, '002-two.sql'))
  expect(await migrated()).toBe(true)
  await pool.end()
})
