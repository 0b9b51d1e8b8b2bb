import type { ParsedInputOf } from '#kit/contract.ts'
import type { Tx } from '#kit/tx.ts'
import type { peopleOperations } from '../contract/people.ts'
import type { Person, Terms } from '../domain/model.ts'
import { refuse } from '../domain/refuse.ts'
import { holdRules } from './rules.ts'

/** An employee as lifecycle tells. */
export type EmployeeFacts = ParsedInputOf<(typeof peopleOperations)['putEmployee']>

/**
 * - `older`: as new a state is known, or the person was erased: nothing was written
 * - `first`: nothing was known of the employee
 * - `same`: nothing that leave goes by is another
 * - `changed`: employments or terms are
 */
type News = 'older' | 'first' | 'same' | 'changed'

/** Takes states of employees over, each as a whole; each employee is named once. */
export async function putEmployees(tx: Tx, given: readonly EmployeeFacts[]): Promise<Map<string, News>> {
  const news = new Map<string, News>(given.map(({ employeeId }) => [employeeId, 'older']))
  const rows = await tx.query<{ id: string; first: boolean }>(
    `insert into employee as e (tenant, id, number, source_version)
     select app_tenant(), * from unnest($1::uuid[], $2::text[], $3::bigint[]) as t (id, number, version)
     -- in one order, so that two that put the same never wait for each other in a ring
     order by id
     on conflict (tenant, id) do update set number = excluded.number, source_version = excluded.source_version
     where e.source_version < excluded.source_version and e.erased_at is null
     returning new.id, old is null as first`,
    [
      given.map((one) => one.employeeId),
      given.map((one) => one.employeeNumber),
      given.map((one) => one.sourceVersion),
    ],
    'employees_put',
  )
  for (const { id, first } of rows) news.set(id, first ? 'first' : 'same')
  const known = rows.filter(({ first }) => !first).map(({ id }) => id)
  const before = await readFacts(tx, known)
  if (known.length > 0)
    await Promise.all([
      tx.query('delete from employment where employee_id = any ($1)', [known], 'employments_clear'),
      tx.query('delete from employee_terms where employee_id = any ($1)', [known], 'terms_clear'),
    ])
  await insertFacts(
    tx,
    given.filter(({ employeeId }) => news.get(employeeId) !== 'older'),
  )
  const after = await readFacts(tx, known)
  for (const id of known) if (before.get(id) !== after.get(id)) news.set(id, 'changed')
  return news
}

/** Employments and terms as text, to be compared. */
async function readFacts(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.query<{ id: string; facts: string }>(
    `select e.id, concat(
       (select json_agg(m order by m.joins_on) from employment m
        where m.tenant = e.tenant and m.employee_id = e.id),
       (select json_agg(t order by t.valid_from) from employee_terms t
        where t.tenant = e.tenant and t.employee_id = e.id)) as facts
     from employee e where e.id = any ($1)`,
    [ids],
    'facts_read',
  )
  return new Map(rows.map(({ id, facts }) => [id, facts]))
}

function insertFacts(tx: Tx, given: readonly EmployeeFacts[]) {
  const employments = given.flatMap(({ employeeId, employments }) =>
    employments.map((one) => ({ employeeId, ...one })),
  )
  const terms = given.flatMap(({ employeeId, terms }) => terms.map((one) => ({ employeeId, ...one })))
  return Promise.all([
    tx.query(
      `insert into employment (tenant, employee_id, joins_on, leaves_on)
       select app_tenant(), * from unnest($1::uuid[], $2::date[], $3::date[])`,
      [
        employments.map((one) => one.employeeId),
        employments.map((one) => one.joinsOn),
        employments.map((one) => one.leavesOn),
      ],
      'employments_put',
    ),
    tx.query(
      `insert into employee_terms (tenant, employee_id, valid_from, valid_to, manager_id, org_unit_id, location,
         time_zone, employment_type, fte)
       select app_tenant(), i, f, coalesce(t + 1, 'infinity'), m, o, l, z, e, s
       from unnest($1::uuid[], $2::date[], $3::date[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[],
         $9::numeric[]) as t (i, f, t, m, o, l, z, e, s)
       -- Planned for after the leaving day, terms apply on no day.
       where t is null or t >= f`,
      [
        terms.map((one) => one.employeeId),
        terms.map((one) => one.effectiveFrom),
        terms.map((one) => one.effectiveTo),
        terms.map((one) => one.managerId),
        terms.map((one) => one.orgUnitId),
        terms.map((one) => one.location),
        terms.map((one) => one.timeZone),
        terms.map((one) => one.employmentType),
        terms.map((one) => one.fte),
      ],
      'terms_put',
    ),
  ])
}

/** Notes that the company is there, so that the clock finds it, and since which day, where that comes last. */
export const noteCompany = (tx: Tx, now: Date) =>
  tx.query(
    `insert into company (tenant, since) values (app_tenant(), ($1 at time zone 'Etc/GMT+12')::date)
     on conflict do nothing`,
    [now],
    'company_note',
  )

/** All companies; without a tenant. */
export async function knownCompanies(tx: Tx): Promise<string[]> {
  const rows = await tx.query<{ tenant: string }>('select tenant from company order by tenant')
  return rows.map(({ tenant }) => tenant)
}

interface PersonRow {
  id: string
  sourceVersion: number
  employments: Person['employments']
  terms: Terms[]
  schedules: Person['schedules']
}

const selectPeople = `
  select e.id, e.source_version::float8 as "sourceVersion",
    (select coalesce(json_agg(json_build_object('joinsOn', m.joins_on, 'leavesOn', m.leaves_on)
              order by m.joins_on), '[]')
     from employment m where m.tenant = e.tenant and m.employee_id = e.id) as employments,
    (select coalesce(json_agg(json_build_object('from', t.valid_from,
              'to', case when t.valid_to < 'infinity' then t.valid_to - 1 end, 'managerId', t.manager_id,
              'orgUnitId', t.org_unit_id, 'location', t.location, 'timeZone', t.time_zone,
              'employmentType', t.employment_type, 'fte', (t.fte * 1000)::int) order by t.valid_from), '[]')
     from employee_terms t where t.tenant = e.tenant and t.employee_id = e.id) as terms,
    (select coalesce(json_agg(json_build_object('from', s.valid_from, 'patternId', s.pattern_id,
              'calendarId', s.calendar_id) order by s.valid_from), '[]')
     from employee_schedule s where s.tenant = e.tenant and s.employee_id = e.id) as schedules
  from employee e`

/** What is known of some people; who isn't known is missing in the answer. */
export async function loadPeople(tx: Tx, ids: readonly string[]): Promise<Map<string, Person>> {
  const rows = await tx.query<PersonRow>(`${selectPeople} where e.id = any ($1)`, [ids], 'people_load')
  return new Map(rows.map((row) => [row.id, row]))
}

/** A statement of its own: one for any number of people would be planned each time anew for one of them. */
export async function loadPerson(tx: Tx, id: string, knownVersion?: number): Promise<Person> {
  const [person] = await tx.query<PersonRow>(`${selectPeople} where e.id = $1`, [id], 'person_load')
  if (!person) throw unknown(knownVersion)
  return person
}

/** Somebody of whom a version was seen is there, and only leave has not been told yet. */
const unknown = (knownVersion?: number) =>
  knownVersion === undefined
    ? refuse('employee-not-found', { pointer: '/employeeId' })
    : refuse('employee-facts-behind', {
        detail: `Version ${knownVersion} was seen, none has arrived here`,
        pointer: '/knownVersion',
      })

/** The versions of employees in directory that are known here. */
export async function knownVersions(tx: Tx, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.query<{ id: string; version: number }>(
    'select id, source_version::float8 as version from employee where id = any ($1)',
    [ids],
    'employee_versions',
  )
  return new Map(rows.map(({ id, version }) => [id, version]))
}

export async function isErased(tx: Tx, id: string): Promise<boolean> {
  const [row] = await tx.query<{ erased: boolean }>(
    'select erased_at is not null as erased from employee where id = $1',
    [id],
    'employee_erased',
  )
  return row?.erased ?? false
}

/**
 * Keeps others from changing the leave of this person, or the rules for it, until the transaction ends, so that what is
 * decided on what was read of it stays true. Before rules are loaded and before any lock on an account.
 */
export async function lockPerson(tx: Tx, id: string, knownVersion?: number): Promise<void> {
  const [, [row]] = await Promise.all([
    holdRules(tx),
    tx.query('select 1 from employee where id = $1 for no key update', [id], 'employee_lock'),
  ])
  if (!row) throw unknown(knownVersion)
}

/** The same for some people, who are known. */
export const lockPeople = (tx: Tx, ids: readonly string[]) =>
  tx.query('select 1 from employee where id = any ($1) order by id for no key update', [ids], 'people_lock')
