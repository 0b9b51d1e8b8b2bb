import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrations } from './fixtures/counter/app.ts'
import { dumpSchema } from './schema-dump.ts'
import { type TestDatabase, testDatabase } from './testing.ts'

let db: TestDatabase
let before: string
beforeAll(async () => {
  db = await testDatabase({ service: 'counter', migrations })
  before = await dumpSchema(db.sudo)
})
afterAll(() => db.close())

describe('the dump of a schema', () => {
  it('tells a table with all that hangs on it', () => {
    expect(before).toContain(`create table counter (
  tenant uuid not null,
  id uuid not null,
  name text not null,
  value bigint not null default 0,
  version bigint not null default 1,
  constraint counter_pkey PRIMARY KEY (tenant, id),
  constraint counter_name UNIQUE (tenant, name),
  constraint counter_value_check CHECK ((value >= 0))
);
alter table counter owner to counter_owner;
alter table counter enable row level security, force row level security;
create policy tenant on counter using (tenant = app_tenant());
grant insert, select, update on counter to counter;
`)
  })

  it('leaves the job queue out', () => {
    expect(before).not.toContain('graphile')
  })

  it('is the same for the same migrations', async () => {
    const other = await testDatabase({ service: 'counter', migrations })
    expect(await dumpSchema(other.sudo)).toBe(before)
    await other.close()
  })

  it.each([
    'alter table counter alter value set default 1',
    'alter table counter alter name drop not null',
    'alter table counter alter name type varchar(40)',
    'alter table counter add unique (tenant, value)',
    'alter table counter add check (length(name) < 41)',
    'alter table counter no force row level security',
    'alter table counter owner to counter',
    'create index on counter (tenant, value)',
    'create policy more on counter for select to counter using (true)',
    'grant delete on counter to counter',
    'grant update (value) on counter to public',
    'alter table event disable trigger event_kept',
    'drop trigger event_kept on event',
    'create or replace function app_tenant() returns uuid language sql stable return null::uuid',
    'revoke execute on function app_tenant from public',
    'create view counters with (security_invoker = true) as select * from counter',
    `create type state as enum ('on', 'off')`,
    'create domain percent as int check (value <= 100)',
    'create extension if not exists pg_trgm',
  ])('shows: %s', async (ddl) => {
    const client = new pg.Client({ connectionString: db.urls.superuser })
    await client.connect()
    try {
      await client.query(`begin; ${ddl}`)
      const look = async <R extends object>(text: string) => (await client.query<R>(text)).rows
      expect(await dumpSchema(look)).not.toBe(before)
    } finally {
      await client.end()
    }
  })
})
