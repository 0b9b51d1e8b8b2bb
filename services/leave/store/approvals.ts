import { callerOf } from '#kit/call.ts'
import type { Scope } from '#kit/schemas.ts'
import type { Tx } from '#kit/tx.ts'
import type { Actor } from '../domain/actions.ts'
import type { ReportingLine, Step } from '../domain/approval.ts'

/** Who asks, by a scope that the token has been checked for. */
export async function readActor(tx: Tx, scope: Scope, now: Date): Promise<Actor> {
  const isHr = scope.reach === 'all'
  const employeeId = isHr ? (callerOf(tx.call).employee ?? null) : scope.employeeId
  if (employeeId === null) return { employeeId, isHr, decidesFor: [] }
  const rows = await tx.query<{ id: string }>(
    'select decides_for($1, $2) as id',
    [employeeId, now],
    'decides_for',
  )
  return { employeeId, isHr, decidesFor: rows.map(({ id }) => id) }
}

/** Those above an employee on a day, the nearest first. */
export const readReportingLine = (tx: Tx, employeeId: string, date: string): Promise<ReportingLine> =>
  tx.query<ReportingLine[number]>(
    `with recursive line (id, path) as (
       select $1::uuid, array[$1::uuid]
       union all
       select upper.manager_id, line.path || upper.manager_id
       from line cross join lateral (
         select t.manager_id from employee_terms t
         where t.tenant = app_tenant() and t.employee_id = line.id
         order by t.valid_from > $2::date, abs(t.valid_from - $2::date) limit 1) upper
       where upper.manager_id <> all (line.path))
     select line.id, m.employed
     -- Not exists (...): of a line that it takes for long, PostgreSQL would look at the employments of all people.
     from line cross join lateral (
       select count(*) > 0 as employed from employment m
       where m.tenant = app_tenant() and m.employee_id = line.id
         and $2::date between m.joins_on and coalesce(m.leaves_on, 'infinity')) m
     where line.id <> $1 order by cardinality(line.path)`,
    [employeeId, date],
    'reporting_line',
  )

/** Whose line upwards is another than it was two days ago, or who has left since: what was planned has come. */
export async function peopleMoved(tx: Tx, now: Date): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `with recent as (select $1::date - 2 as since, $1::date + 1 as until)
     select t.employee_id as id from employee_terms t, recent where t.valid_from between since and until
     union
     select m.employee_id from employment m, recent where m.leaves_on between since and until`,
    [now],
    'people_moved',
  )
  return rows.map(({ id }) => id)
}

export const insertSteps = (tx: Tx, requestId: string, steps: readonly Step[]) =>
  tx.query(
    `insert into leave_approval (tenant, request_id, step, approver, approver_id, state)
     select app_tenant(), $1, * from unnest($2::int[], $3::text[], $4::uuid[], $5::text[])`,
    [
      requestId,
      steps.map(({ step }) => step),
      steps.map(({ approver }) => approver),
      steps.map(({ approverId }) => approverId),
      steps.map(({ state }) => state),
    ],
    'approvals_insert',
  )

/** Who decided, and when. */
export interface Decision {
  by: string | null
  account: string
  at: Date
}

/** Saves where the steps that were open stand now; the decision is on those that it decides. */
export async function saveSteps(
  tx: Tx,
  requestId: string,
  steps: readonly Step[],
  decision: Decision | null = null,
): Promise<void> {
  // One step is open at a time, also between two rows of a statement: what was open ends first.
  const [open, closed] = [
    steps.filter(({ state }) => state === 'pending'),
    steps.filter(({ state }) => state !== 'pending'),
  ]
  for (const some of [closed, open])
    await tx.query(
      `update leave_approval a set state = s.state, approver_id = s.approver_id,
         decided_by = case when s.decides then $5 else a.decided_by end,
         decided_by_account = case when s.decides then $6 else a.decided_by_account end,
         decided_at = case when s.decides then $7 else a.decided_at end
       from (select *, state in ('approved', 'rejected') as decides
             from unnest($2::int[], $3::uuid[], $4::text[]) as t (step, approver_id, state)) s
       where a.tenant = app_tenant() and a.request_id = $1 and a.step = s.step
         and a.state in ('waiting', 'pending') and (a.state, a.approver_id) is distinct from (s.state, s.approver_id)`,
      [
        requestId,
        some.map(({ step }) => step),
        some.map(({ approverId }) => approverId),
        some.map(({ state }) => state),
        decision?.by ?? null,
        decision?.account ?? null,
        decision?.at ?? null,
      ],
      'approvals_save',
    )
}
