import type { Tx } from '#kit/database.ts'

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
