import type { z } from 'zod'
import { instantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import type { peopleOperations } from '../contract/people.ts'

type OutputOf<K extends keyof typeof peopleOperations> = z.output<(typeof peopleOperations)[K]['output']>

const units = (column: string) => `${column} / 1000.0`

/** Rows of a statement as one array of objects. */
const listOf = (fields: Record<string, string>, order: string, from: string) =>
  `(select coalesce(json_agg(json_build_object(${Object.entries(fields).flatMap(([name, value]) => [`'${name}'`, value])})
      order by ${order}), '[]') from ${from})`

const lots = listOf(
  {
    id: 'l.id',
    origin: 'l.origin',
    yearFrom: 'l.year_from',
    usableFrom: 'l.usable_from',
    usableTo: 'l.usable_to',
    remaining: units('l.remaining'),
    closedOn: 'l.closed_on',
  },
  'l.usable_from, l.id',
  'lot l where l.tenant = a.tenant and l.account_id = a.id',
)

const entries = listOf(
  {
    id: 'n.id',
    lotId: 'n.lot_id',
    kind: 'n.kind',
    amount: units('n.amount'),
    effectiveOn: 'n.effective_on',
    bookedAt: instantOf('n.booked_at'),
    requestId: 'n.request_id',
    reverses: 'n.reverses',
    cause: 'n.cause',
    reason: 'r.reason',
  },
  'n.number',
  `entry n left join entry_reason r on r.tenant = n.tenant and r.entry_id = n.id
   where n.tenant = a.tenant and n.account_id = a.id`,
)

const accounts = listOf(
  {
    id: 'a.id',
    typeId: 'a.type_id',
    balance: units('a.balance'),
    settledThrough: 'a.settled_through',
    lots,
    entries,
  },
  'a.id',
  'account a where a.tenant = e.tenant and a.employee_id = e.id',
)

const textOf = (step: string) =>
  `(select w.text from leave_request_text w
    where w.tenant = q.tenant and w.request_id = q.id and w.step = ${step})`

const requests = listOf(
  {
    id: 'q.id',
    typeId: 'q.type_id',
    policyId: 'q.policy_id',
    state: 'q.state',
    startsOn: 'q.starts_on',
    endsOn: 'q.ends_on',
    amount: units('q.amount'),
    submittedAt: instantOf('q.submitted_at'),
    updatedAt: instantOf('q.updated_at'),
    version: 'q.version',
    note: textOf('0'),
    cancelReason: textOf('-1'),
    days: listOf(
      { date: 'd.date', part: 'd.part', minutes: 'd.minutes', amount: units('d.amount') },
      'd.date',
      'leave_request_day d where d.tenant = q.tenant and d.request_id = q.id',
    ),
    approvals: listOf(
      {
        step: 'p.step',
        approver: 'p.approver',
        approverId: 'p.approver_id',
        state: 'p.state',
        decidedBy: 'p.decided_by',
        decidedAt: instantOf('p.decided_at'),
        comment: textOf('p.step'),
      },
      'p.step',
      'leave_approval p where p.tenant = q.tenant and p.request_id = q.id',
    ),
    changes: listOf(
      {
        at: instantOf('c.at'),
        cause: 'c.cause',
        before: units('c.before'),
        after: units('c.after'),
        outcome: 'c.outcome',
      },
      'c.at, c.id',
      'leave_request_change c where c.tenant = q.tenant and c.request_id = q.id',
    ),
  },
  'q.id',
  'leave_request q where q.tenant = e.tenant and q.employee_id = e.id',
)

/** All leave of employees, in the order of their ids. */
export const exportLeave = (tx: Tx, employeeId: string | null, after: string | null, limit: number) =>
  tx.query<OutputOf<'exportLeave'>['items'][number]>(
    `select e.id as "employeeId",
       ${listOf(
         { effectiveFrom: 's.valid_from', patternId: 's.pattern_id', calendarId: 's.calendar_id' },
         's.valid_from',
         'employee_schedule s where s.tenant = e.tenant and s.employee_id = e.id',
       )} as schedules,
       ${accounts} as accounts,
       ${requests} as requests,
       ${listOf(
         {
           id: 'g.id',
           delegateId: 'g.delegate_id',
           startsOn: 'g.starts_on',
           endsOn: 'g.ends_on',
           ended: 'g.ended',
           version: 'g.version',
         },
         'g.id',
         'delegation g where g.tenant = e.tenant and g.delegator_id = e.id',
       )} as delegations
     from employee e
     where ($1::uuid is null or e.id = $1) and ($2::uuid is null or e.id > $2)
     order by e.id limit $3`,
    [employeeId, after, limit],
    'leave_export',
  )

/** What a company has set up. */
export async function exportSettings(tx: Tx): Promise<OutputOf<'exportLeaveSettings'>> {
  const types = listOf(
    {
      id: 't.id',
      code: 't.code',
      name: 't.name',
      unit: 't.unit',
      paid: 't.paid',
      negativeBalance: `case when t.overdraft is null then json_build_object('kind', 'unlimited')
        when t.overdraft = 0 then json_build_object('kind', 'none')
        else json_build_object('kind', 'capped', 'limit', ${units('t.overdraft')}) end`,
      open: 't.open',
      version: 't.version',
    },
    't.code',
    'leave_type t',
  )
  const policies = listOf(
    {
      id: 'p.id',
      code: 'p.code',
      name: 'p.name',
      typeId: 'p.type_id',
      rank: 'p.rank',
      version: 'p.version',
      versions: listOf(
        { effectiveFrom: 'v.valid_from', rules: 'v.rules' },
        'v.valid_from',
        'leave_policy_version v where v.tenant = p.tenant and v.policy_id = p.id',
      ),
    },
    'p.code',
    'leave_policy p',
  )
  const calendars = listOf(
    {
      id: 'c.id',
      code: 'c.code',
      name: 'c.name',
      country: 'c.country',
      region: 'c.region',
      locations: 'c.locations',
      isDefault: 'c.is_default',
      version: 'c.version',
      holidays: listOf(
        { date: 'h.date', name: 'h.name', portion: 'h.portion', source: 'h.source' },
        'h.date',
        'holiday h where h.tenant = c.tenant and h.calendar_id = c.id',
      ),
    },
    'c.code',
    'holiday_calendar c',
  )
  const patterns = listOf(
    {
      id: 'w.id',
      code: 'w.code',
      name: 'w.name',
      weeks: 'w.weeks',
      anchor: 'w.anchor',
      isDefault: 'w.is_default',
      version: 'w.version',
    },
    'w.code',
    'working_pattern w',
  )
  const [row] = await tx.query<OutputOf<'exportLeaveSettings'>>(
    `select ${types} as types, ${policies} as policies, ${calendars} as calendars, ${patterns} as patterns,
       (select through::text from closed_period) as "closedThrough"`,
    [],
    'settings_export',
  )
  return row!
}

/**
 * Removes what people wrote about an employee's leave, and the number by which the company knows the person. Terms and
 * ledger stay: they say that somebody worked, was away and where, not who.
 */
export async function erasePerson(tx: Tx, employeeId: string, at: Date): Promise<void> {
  await Promise.all([
    tx.query(
      `update employee set number = '', erased_at = $2 where id = $1`,
      [employeeId, at],
      'person_erase',
    ),
    tx.query(
      `delete from leave_request_text where request_id in (
         select id from leave_request where employee_id = $1)`,
      [employeeId],
    ),
    tx.query(
      `delete from entry_reason where entry_id in (
         select n.id from account a join entry n on n.tenant = a.tenant and n.account_id = a.id
         where a.employee_id = $1)`,
      [employeeId],
    ),
    tx.query(
      `delete from audit_value v using (
         select 'employee' as object, $1::uuid as id
         union all select 'leave-account', id from account where employee_id = $1
         union all select 'leave-request', id from leave_request where employee_id = $1
         union all select 'delegation', id from delegation where delegator_id = $1 or delegate_id = $1) it
       where v.object = it.object and v.object_id = it.id::text`,
      [employeeId],
    ),
  ])
}

/** Rows of one step, so that it ends well within its deadline. */
const step = 5000

const someOf = (table: string, condition = 'true', limit = step) =>
  `with part as (select ctid from ${table} where ${condition} limit ${limit})
   delete from ${table} where ctid in (select ctid from part) returning 1`

/** In the order in which nothing is left that refers to what goes. */
const steps = [
  // The clock finds the company no more, and a run that is under way nothing of itself.
  'delete from company where tenant = app_tenant() returning 1',
  'delete from leave_run returning 1',
  someOf('leave_request_text'),
  someOf('leave_request_change'),
  someOf('leave_approval'),
  someOf('leave_request_day'),
  someOf('leave_request'),
  someOf('delegation'),
  someOf('entry_reason'),
  someOf('entry', 'reverses is not null'),
  someOf('entry'),
  someOf('lot'),
  someOf('account'),
  // With employments, terms and what was assigned to them.
  someOf('employee', 'true', 1000),
  someOf('holiday'),
  someOf('holiday_calendar'),
  someOf('working_pattern'),
  someOf('leave_policy_version'),
  someOf('leave_policy'),
  someOf('leave_type'),
  'delete from closed_period returning 1',
  someOf('audit_value'),
]

/** Deletes a part of the tenant's data; true when nothing is left. Entries of audit and feed stay: they name nobody. */
export async function deleteSome(tx: Tx): Promise<boolean> {
  await tx.query(`select set_config('app.tenant_deletion', 'on', true)`, [])
  for (const statement of steps) if ((await tx.query(statement)).length > 0) return false
  return true
}
