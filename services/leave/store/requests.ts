import type { z } from 'zod'
import { badCursor } from '#kit/page.ts'
import type { Scope } from '#kit/schemas.ts'
import { exactInstantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import type { leaveRequest, requestOperations, requestSummary } from '../contract/requests.ts'
import { sumOf } from '../domain/account.ts'
import { type Actor, allowedActions, type RequestState, type Subject } from '../domain/actions.ts'
import type { Taken, Taking } from '../domain/allocation.ts'
import { type Amount, inUnits } from '../domain/amount.ts'
import type { Step } from '../domain/approval.ts'
import type { RequestDay } from '../domain/model.ts'
import { refuse } from '../domain/refuse.ts'
import type { OtherDay } from '../domain/request-rules.ts'
import { Conditions } from './conditions.ts'
import { idCursor } from './cursor.ts'

type Summary = z.output<typeof requestSummary>
type View = z.output<typeof leaveRequest>
type List = z.output<(typeof requestOperations)['listRequests']['input']>

/** A request as commands decide on it. */
export interface LoadedRequest {
  id: string
  employeeId: string
  accountId: string
  typeId: string
  state: RequestState
  startsOn: string
  endsOn: string
  amount: Amount
  version: number
  days: RequestDay[]
  steps: Step[]
}

const loadedColumns = `
  r.id, r.employee_id as "employeeId", r.account_id as "accountId", r.type_id as "typeId", r.state,
  r.starts_on::text as "startsOn", r.ends_on::text as "endsOn", r.amount::float8 as amount,
  r.version::float8 as version,
  (select json_agg(json_build_object('date', d.date, 'part', d.part, 'asked', d.asked, 'minutes', d.minutes,
            'amount', d.amount) order by d.date)
   from leave_request_day d where d.tenant = r.tenant and d.request_id = r.id) as days,
  (select json_agg(json_build_object('step', a.step, 'approver', a.approver, 'approverId', a.approver_id,
            'state', a.state) order by a.step)
   from leave_approval a where a.tenant = r.tenant and a.request_id = r.id) as steps`

/** Whose a request is, if the actor may see it. */
export async function ownerOf(tx: Tx, requestId: string, scope: Scope, actor: Actor): Promise<string> {
  const where = new Conditions()
  where.add(`r.id = ${where.value(requestId)}`)
  where.add(visibleTo(where, scope, actor))
  const [row] = await tx.query<{ id: string }>(
    `select r.employee_id as id from leave_request r where ${where}`,
    where.values,
    `request_owner_${scope.reach}`,
  )
  if (!row) throw refuse('leave-request-not-found', { pointer: '/requestId' })
  return row.id
}

/** A request of a person who is locked. */
export async function loadRequest(tx: Tx, id: string): Promise<LoadedRequest> {
  const [row] = await tx.query<LoadedRequest>(
    `select ${loadedColumns} from leave_request r where r.id = $1`,
    [id],
    'request_load',
  )
  return row!
}

/** The requests of a person that are pending or approved, those that have days from a date on, in their order. */
export const loadActiveRequests = (
  tx: Tx,
  employeeId: string,
  from: string | null,
): Promise<LoadedRequest[]> =>
  tx.query<LoadedRequest>(
    `select ${loadedColumns} from leave_request r
     where r.employee_id = $1 and r.ends_on >= coalesce($2, '-infinity'::date) and r.state in ('pending', 'approved')
     order by r.id`,
    [employeeId, from],
    'requests_load_active',
  )

/** Who has leave, pending or approved, on a day or later; of one employee, or of all. */
export async function peopleWithLeave(tx: Tx, from: string, employeeId: string | null): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select distinct r.employee_id as id from leave_request r
     where r.ends_on >= $1 and r.state in ('pending', 'approved') and ($2::uuid is null or r.employee_id = $2)`,
    [from, employeeId],
  )
  return rows.map(({ id }) => id)
}

/** Whose requests wait for an employee, or for somebody above the employee. */
export async function peopleWaitingBelow(tx: Tx, employeeId: string): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select distinct r.employee_id as id from leave_request r
     where r.state = 'pending' and (r.employee_id = $1 or r.employee_id in (select reports_of($1))
       or r.id in (select a.request_id from leave_approval a
                   where a.approver_id = $1 and a.state in ('waiting', 'pending')))`,
    [employeeId],
    'people_waiting_below',
  )
  return rows.map(({ id }) => id)
}

/** The days of all leave of a person, pending or approved, between two dates. */
export const loadDays = (tx: Tx, employeeId: string, from: string, to: string): Promise<OtherDay[]> =>
  tx.query<OtherDay>(
    `select d.date::text as date, d.part, d.minutes, r.type_id as "typeId"
     from leave_request_day d join leave_request r on r.tenant = d.tenant and r.id = d.request_id
     where d.employee_id = $1 and d.date between $2 and $3 and d.active`,
    [employeeId, from, to],
    'days_load',
  )

export interface NewRequest extends Omit<LoadedRequest, 'version' | 'state' | 'steps'> {
  policyId: string
  submittedAt: Date
  submittedBy: string
}

export const insertRequest = (tx: Tx, request: NewRequest) =>
  Promise.all([
    tx.query(
      `insert into leave_request (tenant, id, employee_id, account_id, type_id, policy_id, state, starts_on, ends_on,
         amount, submitted_at, submitted_by, updated_at)
       values (app_tenant(), $1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9, $10, $9)`,
      [
        request.id,
        request.employeeId,
        request.accountId,
        request.typeId,
        request.policyId,
        request.startsOn,
        request.endsOn,
        request.amount,
        request.submittedAt,
        request.submittedBy,
      ],
      'request_insert',
    ),
    tx.query(
      `insert into leave_request_day (tenant, request_id, employee_id, date, part, asked, minutes, amount)
       select app_tenant(), $1, $2, * from unnest($3::date[], $4::text[], $5::int[], $6::int[], $7::bigint[])`,
      [request.id, request.employeeId, ...dayColumns(request.days)],
      'request_days_insert',
    ),
  ])

const dayColumns = (days: readonly RequestDay[]) => [
  days.map(({ date }) => date),
  days.map(({ part }) => part),
  days.map(({ asked }) => asked),
  days.map(({ minutes }) => minutes),
  days.map(({ amount }) => amount),
]

/** What people write to a request; erasure removes it. */
export const insertText = (tx: Tx, requestId: string, place: number, text: string | undefined) =>
  text === undefined
    ? []
    : tx.query(
        'insert into leave_request_text (tenant, request_id, step, text) values (app_tenant(), $1, $2, $3)',
        [requestId, place, text],
        'request_text_insert',
      )

/** Places of the texts that are not a comment to a step. */
export const place = { note: 0, cancelReason: -1 } as const

/** Leads a request into a state, or notes that it has changed in the one that it is in; the days of one that ends no longer count. */
export async function saveState(tx: Tx, id: string, state: RequestState, now: Date): Promise<number> {
  const ends = state === 'rejected' || state === 'cancelled'
  const [[row]] = await Promise.all([
    tx.query<{ version: number }>(
      `update leave_request set state = $2, updated_at = $3, version = version + 1 where id = $1
       returning version::float8 as version`,
      [id, state, now],
      'request_state',
    ),
    ends && tx.query('update leave_request_day set active = false where request_id = $1', [id], 'days_end'),
  ])
  return row!.version
}

/** Saves what days cost now. */
export async function saveDays(
  tx: Tx,
  request: LoadedRequest,
  days: readonly RequestDay[],
  now: Date,
): Promise<number> {
  const [[row]] = await Promise.all([
    tx.query<{ version: number }>(
      `update leave_request set amount = $2, updated_at = $3, version = version + 1 where id = $1
       returning version::float8 as version`,
      [request.id, sumOf(days), now],
      'request_amount',
    ),
    tx.query(
      `update leave_request_day d set minutes = n.minutes, amount = n.amount
       from unnest($2::date[], $3::int[], $4::bigint[]) as n (date, minutes, amount)
       where d.tenant = app_tenant() and d.request_id = $1 and d.date = n.date`,
      [
        request.id,
        days.map(({ date }) => date),
        days.map(({ minutes }) => minutes),
        days.map(({ amount }) => amount),
      ],
      'request_days_save',
    ),
  ])
  return row!.version
}

/** What a request has taken of lots and not given back. */
export const loadTaken = (tx: Tx, requestId: string): Promise<Taken[]> =>
  tx.query<Taken>(
    `select e.id, e.lot_id as "lotId", e.amount::float8 as amount, e.effective_on::text as "effectiveOn"
     from entry e
     where e.request_id = $1 and e.kind in ('reservation', 'consumption')
       and not exists (select from entry r where r.tenant = e.tenant and r.reverses = e.id)
     order by e.number`,
    [requestId],
    'taken_load',
  )

/** What leave after a day takes from lots of an account. */
export const loadBooked = (tx: Tx, accountId: string, after: string): Promise<Taking[]> =>
  tx.query<Taking>(
    `select lot_id as "lotId", effective_on::text as date, -sum(amount)::float8 as amount
     from entry
     where account_id = $1 and effective_on > $2 and request_id is not null
     group by lot_id, effective_on having sum(amount) <> 0`,
    [accountId, after],
    'booked_load',
  )

/** Its employee, whom the scope reaches, who decides or has decided it, and their delegates; HR all. */
function visibleTo(where: Conditions, scope: Scope, actor: Actor): string {
  if (scope.reach === 'all') return 'true'
  const caller = where.value(scope.employeeId)
  const reports = `r.employee_id in (select reports_of(${caller}::uuid))`
  return `(r.employee_id = ${caller} ${scope.reach === 'reports' ? `or ${reports}` : ''} or r.id in (
    select a.request_id from leave_approval a
    where a.decided_by = ${caller}
      or a.approver_id = any (${where.value(actor.decidesFor)}::uuid[]) and a.state <> 'waiting'))`
}

interface SummaryRow extends Omit<Summary, 'allowedActions'>, Pick<Subject, 'today' | 'closedThrough'> {
  open: Step | null
}

const summaryColumns = (now: string) => `
  r.id, r.employee_id as "employeeId", r.type_id as "typeId", t.name as "typeName", t.unit, r.state,
  r.starts_on::text as "startsOn", r.ends_on::text as "endsOn", r.amount::float8 as amount,
  ${exactInstantOf('r.submitted_at')} as "submittedAt", ${exactInstantOf('r.updated_at')} as "updatedAt",
  r.version::float8 as version, day_of(r.employee_id, ${now}::timestamptz)::text as today,
  (select through::text from closed_period) as "closedThrough",
  (select json_build_object('step', a.step, 'approver', a.approver, 'approverId', a.approver_id, 'state', a.state)
   from leave_approval a where a.tenant = r.tenant and a.request_id = r.id and a.state = 'pending') as open`

const from = 'from leave_request r join leave_type t on t.tenant = r.tenant and t.id = r.type_id'

function toSummary({ open, today, closedThrough, ...row }: SummaryRow, actor: Actor): Summary {
  const subject = { ...row, steps: open ? [open] : [], today, closedThrough }
  return { ...row, amount: inUnits(row.amount), allowedActions: allowedActions(actor, subject) }
}

/** A request as the actor sees it, who was found to be allowed to. */
export async function readRequest(tx: Tx, id: string, actor: Actor, now: Date): Promise<View> {
  const [row] = await tx.query<SummaryRow & Omit<View, keyof Summary>>(
    `select ${summaryColumns('$2')},
       (select x.text from leave_request_text x where x.tenant = r.tenant and x.request_id = r.id
          and x.step = ${place.note}) as note,
       (select x.text from leave_request_text x where x.tenant = r.tenant and x.request_id = r.id
          and x.step = ${place.cancelReason}) as "cancelReason",
       (select json_agg(json_build_object('date', d.date, 'part', d.part, 'minutes', d.minutes,
                 'amount', d.amount) order by d.date)
        from leave_request_day d where d.tenant = r.tenant and d.request_id = r.id) as days,
       (select json_agg(json_build_object('step', a.step, 'approver', a.approver, 'approverId', a.approver_id,
                 'state', a.state, 'decidedBy', a.decided_by, 'decidedAt', ${exactInstantOf('a.decided_at')},
                 'comment', x.text) order by a.step)
        from leave_approval a left join leave_request_text x
          on x.tenant = a.tenant and x.request_id = a.request_id and x.step = a.step
        where a.tenant = r.tenant and a.request_id = r.id) as approvals,
       (select coalesce(json_agg(json_build_object('at', ${exactInstantOf('c.at')}, 'cause', c.cause, 'before', c.before,
                 'after', c.after, 'outcome', c.outcome) order by c.id), '[]')
        from leave_request_change c where c.tenant = r.tenant and c.request_id = r.id) as changes
     ${from} where r.id = $1`,
    [id, now],
    'request_read',
  )
  const { note, cancelReason, days, approvals, changes, ...summary } = row!
  return {
    ...toSummary(summary, actor),
    note,
    cancelReason,
    days: days.map((day) => ({ ...day, amount: inUnits(day.amount) })),
    approvals,
    changes: changes.map((one) => ({ ...one, before: inUnits(one.before), after: inUnits(one.after) })),
  }
}

interface Page {
  items: Summary[]
  next: string | null
}

/** Requests that the actor may see, the latest first; by their last change where asked since an instant. */
export function listRequests(tx: Tx, list: List, actor: Actor, now: Date): Promise<Page> {
  const where = new Conditions()
  where.add(visibleTo(where, list.scope, actor))
  if (list.employeeId) where.add(`r.employee_id = ${where.value(list.employeeId)}`)
  if (list.typeId) where.add(`r.type_id = ${where.value(list.typeId)}`)
  if (list.states) where.add(`r.state = any (${where.value(list.states)}::text[])`)
  if (list.from) where.add(`r.ends_on >= ${where.value(list.from)}`)
  if (list.to) where.add(`r.starts_on <= ${where.value(list.to)}`)
  if (list.updatedSince === undefined) return readPage(tx, list, where, 'latest first', actor, now)
  where.add(`r.updated_at >= ${where.value(list.updatedSince)}::timestamptz`)
  return readPage(tx, list, where, 'by change', actor, now)
}

/** Requests whose open step the actor decides, or that wait for anybody of HR; the oldest first. */
export function listApprovals(
  tx: Tx,
  list: Pick<List, 'cursor' | 'limit'>,
  actor: Actor,
  now: Date,
): Promise<Page> {
  const where = new Conditions()
  where.add(`r.state = 'pending' and r.employee_id is distinct from ${where.value(actor.employeeId)}::uuid`)
  where.add(`r.id in (
    select a.request_id from leave_approval a
    where a.state = 'pending' and (a.approver_id = any (${where.value(actor.decidesFor)}::uuid[])
      ${actor.isHr ? 'or a.approver_id is null' : ''}))`)
  return readPage(tx, list, where, 'oldest first', actor, now)
}

/** Ids tell the order of submission. */
const orders = {
  'latest first': { by: 'r.id desc', behind: (id: string) => `r.id < ${id}::uuid` },
  'oldest first': { by: 'r.id', behind: (id: string) => `r.id > ${id}::uuid` },
  'by change': {
    by: 'r.updated_at, r.id',
    behind: (id: string, at: string) => `(r.updated_at, r.id) > (${at}::timestamptz, ${id}::uuid)`,
  },
}

async function readPage(
  tx: Tx,
  { cursor, limit }: Pick<List, 'cursor' | 'limit'>,
  where: Conditions,
  order: keyof typeof orders,
  actor: Actor,
  now: Date,
): Promise<Page> {
  const { by, behind } = orders[order]
  if (cursor !== undefined) {
    const { id, at } = order === 'by change' ? changeCursor(cursor) : { id: idCursor(cursor), at: null }
    where.add(behind(where.value(id), at === null ? '' : where.value(at)))
  }
  const rows = await tx.query<SummaryRow>(
    `select ${summaryColumns(where.value(now))} ${from} where ${where} order by ${by} limit ${limit + 1}`,
    where.values,
  )
  const items = rows.slice(0, limit).map((row) => toSummary(row, actor))
  const last = items.at(-1)
  if (rows.length <= limit || !last) return { items, next: null }
  return { items, next: order === 'by change' ? `${last.updatedAt}_${last.id}` : last.id }
}

function changeCursor(cursor: string) {
  const [at, id] = cursor.split('_')
  if (!at || Number.isNaN(Date.parse(at)) || id === undefined) throw badCursor()
  return { at, id: idCursor(id) }
}
