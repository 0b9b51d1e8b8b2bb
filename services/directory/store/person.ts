import type { Tx } from '#kit/tx.ts'
import { displayName, type NameOrder, sortName } from '../domain/names.ts'
import { searchEntry } from '../domain/search.ts'

/** Who somebody is, whatever the employment. */
export interface Person {
  givenName: string
  familyName: string
  nameOrder: NameOrder
  /** As given; null: made from the names. */
  displayName: string | null
  email: string | null
  birthDate: string | null
  phone: string | null
}

export interface PersonRow {
  employeeId: string
  number: string
  hiredOn: string
  person: Person
}

const shownName = (person: Person) => person.displayName ?? displayName(person)

export async function loadPersons(tx: Tx, employeeIds: readonly string[]): Promise<Map<string, PersonRow>> {
  const rows = await tx.query<Person & { employeeId: string; number: string; hiredOn: string }>(
    `select id as "employeeId", number, hired_on::text as "hiredOn", given_name as "givenName",
            family_name as "familyName", name_order as "nameOrder", email, birth_date::text as "birthDate", phone,
            case when own_display_name then display_name end as "displayName"
     from employee where id = any ($1)`,
    [employeeIds],
    'person_load',
  )
  return new Map(
    rows.map(({ employeeId, number, hiredOn, ...person }) => [
      employeeId,
      { employeeId, number, hiredOn, person },
    ]),
  )
}

const values = (tx: Tx, rows: readonly PersonRow[]) => [
  tx.tenant,
  rows.map(({ employeeId }) => employeeId),
  rows.map(({ number }) => number),
  rows.map(({ person }) => person.givenName),
  rows.map(({ person }) => person.familyName),
  rows.map(({ person }) => shownName(person)),
  rows.map(({ person }) => person.displayName !== null),
  rows.map(({ person }) => person.nameOrder),
  rows.map(({ person }) => sortName(person)),
  rows.map(({ person }) => person.email),
  rows.map(({ person }) => person.birthDate),
  rows.map(({ person }) => person.phone),
  rows.map(({ hiredOn }) => hiredOn),
]

/** Adds new employees; their employments and versions must follow before the commit. */
export async function insertPersons(tx: Tx, rows: readonly PersonRow[]): Promise<void> {
  await Promise.all([
    tx.query(
      `insert into employee (tenant, id, number, given_name, family_name, display_name, own_display_name, name_order,
         sort_name, email, birth_date, phone, hired_on)
       select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::text[],
         $9::text[], $10::text[], $11::date[], $12::text[], $13::date[])`,
      values(tx, rows),
      'person_insert',
    ),
    saveSearchEntries(tx, rows),
  ])
}

/** Rewrites who people are; their aggregate's version is counted up by `bumpEmployee`. */
export async function updatePersons(tx: Tx, rows: readonly PersonRow[]): Promise<void> {
  await Promise.all([
    tx.query(
      `update employee e set number = n.number, given_name = n.given_name, family_name = n.family_name,
         display_name = n.display_name, own_display_name = n.own_display_name, name_order = n.name_order,
         sort_name = n.sort_name, email = n.email, birth_date = n.birth_date, phone = n.phone
       from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::text[],
         $9::text[], $10::text[], $11::date[], $12::text[], $13::date[]) as n (id, number, given_name, family_name,
         display_name, own_display_name, name_order, sort_name, email, birth_date, phone, hired_on)
       where e.tenant = $1 and e.id = n.id`,
      values(tx, rows),
      'person_update',
    ),
    saveSearchEntries(tx, rows),
  ])
}

async function saveSearchEntries(tx: Tx, rows: readonly PersonRow[]): Promise<void> {
  const entries = rows.map(({ number, person }) =>
    searchEntry(tx.tenant, [person.familyName, person.givenName, shownName(person), number, person.email]),
  )
  await tx.query(
    // Arrays of arrays would be flattened by unnest, hence arrays as text.
    `insert into employee_search (tenant, employee_id, folded, keys)
     select $1, id, folded, keys::int[] from unnest($2::uuid[], $3::text[], $4::text[]) as n (id, folded, keys)
     on conflict (tenant, employee_id) do update set folded = excluded.folded, keys = excluded.keys
     where employee_search.folded <> excluded.folded`,
    [
      tx.tenant,
      rows.map(({ employeeId }) => employeeId),
      entries.map(({ folded }) => folded),
      entries.map(({ keys }) => `{${keys.join(',')}}`),
    ],
    'search_save',
  )
}
