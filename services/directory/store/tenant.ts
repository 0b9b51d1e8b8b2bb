import type { Tx } from '#kit/tx.ts'

/** Replaces all that says who somebody was; that somebody worked here, where and when, stays. */
export async function erasePerson(tx: Tx, employeeId: string): Promise<number> {
  const [[row]] = await Promise.all([
    tx.query<{ version: number }>(
      `update employee set number = 'erased-' || id, given_name = '', family_name = '', display_name = 'Erased',
         own_display_name = true, sort_name = '', email = null, birth_date = null, phone = null,
         erased_at = now(), updated_at = now(), version = version + 1
       where id = $1 returning version::float8 as version`,
      [employeeId],
      'person_erase',
    ),
    tx.query(
      `update employment set leaving_reason = 'erased' where employee_id = $1 and leaving_reason is not null`,
      [employeeId],
    ),
    tx.query('delete from employee_search where employee_id = $1', [employeeId]),
    tx.query(`delete from audit_value where object = 'employee' and object_id = $1`, [employeeId]),
  ])
  return row!.version
}

interface OrgUnitHistory {
  id: string
  code: string
  opensOn: string
  closesOn: string | null
  version: number
  versions: {
    effectiveFrom: string
    name: string
    parentId: string | null
    headId: string | null
    costCentre: string | null
  }[]
}

/** Org units in the order of their ids, each with all that it was and will be. */
export const exportOrgUnits = (tx: Tx, after: string | null, limit: number) =>
  tx.query<OrgUnitHistory>(
    `select u.id, u.code, u.opens_on::text as "opensOn", u.closes_on::text as "closesOn",
            u.version::float8 as version,
            (select coalesce(json_agg(json_build_object('effectiveFrom', v.valid_from, 'name', v.name,
                       'parentId', v.parent_id, 'headId', v.head_id, 'costCentre', v.cost_centre)
                     order by v.valid_from), '[]')
             from org_unit_version v where v.tenant = u.tenant and v.org_unit_id = u.id) as versions
     from org_unit u where $1::uuid is null or u.id > $1 order by u.id limit $2`,
    [after, limit],
    'org_unit_export',
  )

/** Rows of one step, so that it ends well within its deadline. */
const step = 5000

/** In the order in which nothing is left that refers to what goes. Each answers with how many rows it has changed. */
const steps = [
  `with part as (select ctid from employee_version where manager_id is not null limit ${step})
   update employee_version set manager_id = null where ctid in (select ctid from part) returning 1`,
  `with part as (select ctid from org_unit_version where head_id is not null limit ${step})
   update org_unit_version set head_id = null where ctid in (select ctid from part) returning 1`,
  `with part as materialized (select id from employee limit ${step}),
     versions as (delete from employee_version where employee_id in (select id from part)),
     employments as (delete from employment where employee_id in (select id from part))
   delete from employee where id in (select id from part) returning 1`,
  `with part as (select id from position limit ${step})
   delete from position where id in (select id from part) returning 1`,
  `with part as (select ctid from org_unit_version limit ${step})
   delete from org_unit_version where ctid in (select ctid from part) returning 1`,
  `with part as (select id from org_unit limit ${step})
   delete from org_unit where id in (select id from part) returning 1`,
  `with part as (select ctid from import_issue limit ${step})
   delete from import_issue where ctid in (select ctid from part) returning 1`,
  `with part as (select ctid from import_key limit ${step})
   delete from import_key where ctid in (select ctid from part) returning 1`,
  `with part as (select ctid from import_chunk limit 100)
   delete from import_chunk where ctid in (select ctid from part) returning 1`,
  `delete from import returning 1`,
  `with part as (select ctid from audit_value limit ${step})
   delete from audit_value where ctid in (select ctid from part) returning 1`,
]

/** Deletes a part of the tenant's data; true when nothing is left. Entries of audit and feed stay: they name nobody. */
export async function deleteSome(tx: Tx): Promise<boolean> {
  for (const statement of steps) if ((await tx.query(statement)).length > 0) return false
  return true
}
