import { randomUUIDv7 } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tenantFaults } from './catalog.ts'
import { constraints, createCounterApp, migrations } from './fixtures/counter/app.ts'
import { counterService } from './fixtures/counter/service.ts'
import { post, type TestDatabase, testCall, testDatabase } from './testing.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ service: 'counter', migrations, constraints, pool: 1 })
})
afterAll(() => db.close())

const unscoped = counterService.database!.unscoped

/** The faults while a change of the schema is there, which is then taken back. */
async function faultsWith(ddl: string, declared: Parameters<typeof tenantFaults>[2] = { unscoped }) {
  const client = new pg.Client({ connectionString: db.urls.superuser })
  await client.connect()
  try {
    await client.query(`begin; set local role counter_owner; ${ddl}; reset role`)
    return await tenantFaults(
      async <R extends object>(text: string, values?: unknown[]) =>
        (await client.query<R>(text, values)).rows,
      'counter',
      declared,
    )
  } finally {
    await client.query('rollback')
    await client.end()
  }
}

const secured = (table: string) =>
  `alter table ${table} enable row level security, force row level security;
   create policy tenant on ${table} using (tenant = app_tenant())`

describe('the catalog', () => {
  it('keeps tenants apart', async () => {
    expect(await faultsWith('')).toEqual([])
  })

  it.each([
    [
      'a table that nobody thought of',
      'create table memo (id uuid primary key)',
      [
        'memo: has no column tenant uuid not null',
        'memo: row-level security is not both enabled and forced',
        'memo: has no policy using (tenant = app_tenant())',
        'memo: memo_pkey is unique across tenants, or does not begin with tenant',
      ],
    ],
    [
      'a table whose owner is not bound',
      'alter table counter no force row level security',
      ['counter: row-level security is not both enabled and forced'],
    ],
    [
      'a second policy that lets all pass',
      'create policy open on counter using (true)',
      ['counter: policy open lets counter past the tenant without a declared reason'],
    ],
    [
      'a policy that takes any tenant in writing',
      'create policy open on counter for insert with check (true)',
      ['counter: policy open lets counter past the tenant without a declared reason'],
    ],
    [
      'a key across tenants',
      'create unique index everywhere on counter (name)',
      ['counter: everywhere is unique across tenants, or does not begin with tenant'],
    ],
    [
      "a reference to another tenant's row",
      `create unique index c on counter (tenant, id);
      alter table counter add column parent uuid, add column other uuid,
        add constraint parent foreign key (other, parent) references counter (tenant, id)`,
      ['counter: parent refers to a row of any tenant of counter'],
    ],
    [
      'a view with the rights of its owner',
      'create view counters as select * from counter',
      ['counters: a view needs security_invoker'],
    ],
    [
      'a materialized view',
      'create materialized view counters as select * from counter',
      ['counters: a materialized view knows no tenant'],
    ],
    [
      'a right past row-level security',
      'grant truncate on counter to counter',
      ['counter: counter has the right to TRUNCATE'],
    ],
    [
      'a right for everybody',
      'grant select on counter to public',
      ['counter: everybody has the right to SELECT'],
    ],
    [
      'a role that bypasses it',
      'reset role; alter role counter bypassrls',
      ['role counter bypasses row-level security'],
    ],
    [
      'a role that may become the owner',
      'reset role; grant counter_owner to counter',
      [
        'role counter is a member of counter_owner',
        // for the owner may become the worker
        'role counter is a member of counter_worker',
      ],
    ],
    [
      'a table of the serving role',
      'reset role; alter table counter owner to counter',
      ['counter: is owned by counter, not by counter_owner'],
    ],
  ])('tells of %s', async (_, ddl, faults) => {
    expect(await faultsWith(ddl)).toEqual(faults)
  })

  it('tells of declarations that are wrong', async () => {
    const declared = { ...unscoped, gone: 'was here once', counter: 'who cares', event: ' ' }
    expect(await faultsWith('', { unscoped: declared })).toEqual([
      'event: is declared as unscoped without a reason',
      'gone: is declared as unscoped, but there is no such table',
      'counter: is declared as unscoped, but has row-level security',
    ])
  })

  it('takes a policy past the tenant that is declared with its reason', async () => {
    const ddl = 'create policy open on counter for select using (true)'
    const spanning = { 'counter.open': 'for the test' }
    expect(await faultsWith(ddl, { unscoped, spanning })).toEqual([])
    expect(await faultsWith('', { unscoped, spanning })).toEqual([
      'counter.open: is declared as spanning, but there is no such policy',
    ])
  })

  it('takes a table that does it right', async () => {
    const ddl = `create table memo (tenant uuid not null, id uuid, counter uuid, primary key (tenant, id),
      foreign key (tenant, counter) references counter (tenant, id)); ${secured('memo')}`
    expect(await faultsWith(ddl)).toEqual([])
  })
})

describe('a forgotten tenant', () => {
  it('yields no rows and takes none, on a pooled connection that has just served a tenant', async () => {
    const tenant = randomUUIDv7()
    const app = createCounterApp(db.database)
    expect(await post(app, 'createCounter', { name: 'here' }, { tenant })).toMatchObject({ status: 200 })
    const rows = () =>
      db.database.unscoped(testCall(tenant), (tx) =>
        tx.query('select * from counter where name = $1', ['here']),
      )
    // The pool has one connection, which the tenant has used.
    expect(await rows()).toEqual([])
    const count = await db.database.pool.query('select count(*)::int as count from counter')
    expect(count.rows).toEqual([{ count: 0 }])
    await expect(
      db.database.pool.query(`insert into counter (tenant, id, name) values ($1, $1, 'x')`, [tenant]),
    ).rejects.toThrow('row-level security')
  })
})
