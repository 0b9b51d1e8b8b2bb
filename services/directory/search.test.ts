import { randomUUIDv7 } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCall } from '#kit/testing.ts'
import { searchEntry } from './domain/search.ts'
import { searchEmployees } from './store/people.ts'
import { type Company, type Directory, everything, startDirectory } from './testing.ts'

const people = 100_000

let directory: Directory
let company: Company
let other: Company
beforeAll(async () => {
  directory = await startDirectory()
  company = directory.company()
  other = directory.company()
  await fill()
}, 60_000)
afterAll(() => directory.close())

const given = ['Anna', 'José', 'Łukasz', '秀英', '伟', 'Zoë', 'Jürgen', 'Maria', 'Иван', 'Priya', 'Chloé']
const family = ['Müller', 'García', 'Kowalski', '王', '欧阳', 'Smith', 'Øster', 'Rossi', 'Петров', 'Sharma']

/** A big company beside a small one, written past triggers and row-level security: the point is the plan. */
async function fill(): Promise<void> {
  const client = new pg.Client({ connectionString: directory.db.urls.superuser })
  await client.connect()
  await client.query('set session_replication_role = replica; drop index employee_search_keys')
  const size = 20_000
  for (let start = 0; start < people; start += size) {
    const rows = Array.from({ length: size }, (_, index) => personOf(start + index))
    await client.query(
      `with people as (select * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
         as n (id, number, given, family, folded, keys)),
       searched as (insert into employee_search select $1, id, folded, keys::int[] from people),
       versions as (
         insert into employee_version
           (tenant, employee_id, valid_from, valid_to, joins_on, time_zone, employment_type, fte)
         select $1, id, '2020-01-01', 'infinity', '2020-01-01', 'UTC', 'permanent', 1 from people),
       employments as (insert into employment select $1, id, '2020-01-01' from people)
       insert into employee (tenant, id, number, given_name, family_name, display_name, name_order, sort_name, hired_on)
       select $1, id, number, given, family, family || given, 'family-first', family || ' ' || given, '2020-01-01'
       from people`,
      [
        company.tenant,
        rows.map(({ id }) => id),
        rows.map(({ number }) => number),
        rows.map(({ givenName }) => givenName),
        rows.map(({ familyName }) => familyName),
        rows.map(({ folded }) => folded),
        rows.map(({ keys }) => `{${keys}}`),
      ],
    )
  }
  await client.query('create index employee_search_keys on employee_search using gin (keys); analyze')
  await client.end()
  await other.hire({ person: { givenName: '秀英', familyName: '王' } })
}

function personOf(n: number) {
  const [givenName, familyName] = [given[n % 11]!, family[Math.floor(n / 11) % 10]!]
  const number = `E${n}`
  const parts = [familyName, givenName, `${familyName}${givenName}`, number]
  return { id: randomUUIDv7(), number, givenName, familyName, ...searchEntry(company.tenant, parts) }
}

const search = (q: string, filters: object = {}) =>
  company.act('searchEmployees', { q, ...filters, scope: everything })

describe('among 100,000 people', () => {
  it.each([
    ['kowalski anna', 'KowalskiAnna'],
    ['秀英', 'García秀英'],
    ['阳秀', '欧阳秀英'],
    ['王秀英', '王秀英'],
    ['欧阳伟', '欧阳伟'],
    ['OSTER zoe', 'ØsterZoë'],
    ['петров иван', 'ПетровИван'],
    ['e99999', undefined],
  ])('%s is found', async (q, shown) => {
    const { items } = await search(q, { limit: 1 })
    expect(items).toHaveLength(1)
    if (shown) expect(items[0]!.displayName).toBe(shown)
  })

  it('nobody is found who does not match', async () => {
    expect((await search('英秀')).items).toEqual([])
    expect((await search('kowalski 秀英伟')).items).toEqual([])
  })

  it('pages hold each person once, in order', async () => {
    const seen: string[] = []
    let cursor: string | null | undefined
    do {
      const page = await search('王伟', { limit: 200, ...(cursor ? { cursor } : {}) })
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.next
    } while (cursor)
    const [count] = await directory.db.sudo<{ count: number }>(
      `select count(*)::int from employee where tenant = $1 and family_name = '王' and given_name = '伟'`,
      [company.tenant],
    )
    expect(seen).toHaveLength(count!.count)
    expect(new Set(seen)).toHaveLength(seen.length)
  })

  it('another tenant finds its own only', async () => {
    const { items } = await other.act('searchEmployees', { q: '秀英', scope: everything })
    expect(items).toHaveLength(1)
  })
})

describe('the plan', () => {
  const statement = `select employee_id from employee_search
    where keys @> '{1,2}' and tenant = app_tenant() and folded like all ('{%a%}')`

  /** The plan that a role gets for a statement, as text. */
  async function planFor(role: 'owner' | 'app', sql: string): Promise<string> {
    const client = new pg.Client({ connectionString: directory.db.urls[role] })
    await client.connect()
    try {
      await client.query(`select set_config('app.tenant', $1, false)`, [company.tenant])
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${sql}`)
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    } finally {
      await client.end()
    }
  }

  it('of the search function uses the index of keys, which row-level security forbids a plain statement', async () => {
    const [found] = await directory.db.sudo<{ body: string; definer: boolean }>(
      `select pg_get_functiondef(oid) as body, prosecdef as definer from pg_proc where proname = 'search_employees'`,
    )
    expect(found!.definer).toBe(true)
    const body = /BEGIN ATOMIC(.*);\s*END/s
      .exec(found!.body)![1]!
      .replaceAll(/(\w+\.)?\bwanted\b/g, `'{1,2}'::int[]`)
      .replaceAll(/(\w+\.)?\bpatterns\b/g, `'{%a%}'::text[]`)
    expect(await planFor('owner', body)).toContain('Bitmap Index Scan on employee_search_keys')
    expect(await planFor('app', statement)).not.toContain('employee_search_keys')
  })

  it('of a list reads no more people than the page shows', async () => {
    let plan = ''
    await directory.db.database.read(testCall(company.tenant), async (tx) => {
      const explain = async (sql: string, values?: unknown[]) => {
        const rows = await tx.query<{ 'QUERY PLAN': string }>(`explain ${sql}`, values)
        plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        return []
      }
      const filters = { includeSubUnits: true }
      await searchEmployees({ ...tx, query: explain }, { filters, limit: 50, scope: everything })
    })
    expect(plan).toContain('Index Scan using employee_by_name')
    expect(plan).toContain('Index Scan using employee_version_pkey')
    expect(plan).not.toMatch(/Sort Key: e\.sort_name|Seq Scan on employee/)
  })
})
