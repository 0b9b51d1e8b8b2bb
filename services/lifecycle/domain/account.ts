import { type Employment, managerAt, type Period, periodAt, type Terms } from './employment.ts'
import type { Progress, State } from './process.ts'

/** What directory says about an employee now. */
export interface EmployeeFacts {
  email: string | null
  displayName: string
  employments: readonly Employment[]
  terms: readonly Terms[]
  hasReports: boolean
}

/** What identity says about the employee's account now. */
export interface AccountFacts {
  status: 'invited' | 'active' | 'disabled' | 'erased'
  email: string | null
  displayName: string | null
}

/** A command to identity; they are carried out in order. */
export type AccountCommand =
  | { do: 'enable' }
  | { do: 'provision'; email: string; displayName: string; manager: boolean }
  | { do: 'end'; at: Date; reason: 'Not joined yet' | 'Employment ended' }

export interface AccountPlan {
  commands: AccountCommand[]
  progress: Progress<'account'>
  next: State
  /** Managers who have gained or lost this report: their own accounts are looked at again. */
  managers: string[]
}

/**
 * What brings an account in line with the employment. It looks at the facts as they are, not at what an event said:
 * so late, doubled and lost events make no difference.
 */
export function planAccount(
  employee: EmployeeFacts | null,
  account: AccountFacts | null,
  before: Progress<'account'>,
  now: Date,
): AccountPlan {
  const plan = planFor(employee, account, before, now)
  const { reportsTo } = plan.progress
  const managers =
    reportsTo === before.reportsTo ? [] : [before.reportsTo, reportsTo].filter((id) => id !== null)
  return { ...plan, managers }
}

type Plan = Omit<AccountPlan, 'managers'>
const done: State = { state: 'done', why: null }

function planFor(
  employee: EmployeeFacts | null,
  account: AccountFacts | null,
  before: Progress<'account'>,
  now: Date,
): Plan {
  const period = employee && periodAt(employee.employments, employee.terms, now)
  // No such employee (any more), or the account was erased: nothing is left to do.
  if (!period || account?.status === 'erased')
    return { commands: [], progress: { ...before, reportsTo: null }, next: done }
  if (period.begin > now)
    return {
      ...shut(account, before, now, 'Not joined yet'),
      next: { state: 'scheduled', at: period.begin, why: 'joining-day' },
    }
  if (period.end && period.end <= now)
    return { ...shut(account, before, period.end, 'Employment ended'), next: done }
  return open(employee, account, before, period, now)
}

/** Nobody logs in before the joining day or after the leaving day. */
function shut(
  account: AccountFacts | null,
  before: Progress<'account'>,
  at: Date,
  reason: 'Not joined yet' | 'Employment ended',
): Omit<Plan, 'next'> {
  // An account whose end has passed looks disabled by itself; the command also ends its sessions.
  const isShut = account === null || (account.status === 'disabled' && before.ended)
  return {
    commands: isShut ? [] : [{ do: 'end', at, reason }],
    progress: { ...before, ended: true, endsAt: null, reportsTo: null },
  }
}

function open(
  employee: EmployeeFacts,
  account: AccountFacts | null,
  before: Progress<'account'>,
  { end }: Period,
  now: Date,
): Plan {
  const { managerId: reportsTo, changesAt } = managerAt(employee.terms, now)
  const { displayName, hasReports: manager } = employee
  const email = employee.email ?? account?.email
  if (!email)
    return {
      commands: [],
      progress: { ...before, reportsTo },
      next: { state: 'waiting', why: 'email-missing' },
    }

  const endsAt = end?.toISOString() ?? null
  // What HR disabled by hand stays disabled: only what ended with the employment comes back with it.
  const hasEnded = before.ended || (before.endsAt !== null && new Date(before.endsAt) <= now)
  const isBack = account?.status === 'disabled' && hasEnded
  const isHeld = account?.status === 'disabled' && !hasEnded
  const isEndWithdrawn = before.endsAt !== null && endsAt === null && !isHeld
  const isNews =
    account?.displayName !== displayName || !isSameEmail(account?.email, email) || before.manager !== manager
  const commands: AccountCommand[] = []
  if (isBack || isEndWithdrawn) commands.push({ do: 'enable' })
  if (isNews) commands.push({ do: 'provision', email, displayName, manager })
  // Told ahead: access ends in time even if lifecycle should be down then.
  if (end && !isHeld && (endsAt !== before.endsAt || isBack || !account))
    commands.push({ do: 'end', at: end, reason: 'Employment ended' })
  return {
    commands,
    progress: { ended: false, endsAt, manager, reportsTo },
    next: openUntil(end, changesAt),
  }
}

const isSameEmail = (one: string | null | undefined, other: string) =>
  one?.toLowerCase() === other.toLowerCase()

/** When to look again, should no event come before. */
function openUntil(end: Date | null, managerChangesAt: Date | null): State {
  if (managerChangesAt && (!end || managerChangesAt < end))
    return { state: 'scheduled', at: managerChangesAt, why: 'manager-change' }
  return end ? { state: 'scheduled', at: end, why: 'leaving-day' } : done
}
