import type { PolicyRules } from './model.ts'

export type Approver = PolicyRules['approval'][number]['approver']
export type StepState = 'waiting' | 'pending' | 'approved' | 'rejected' | 'skipped'

/** A step of the chain that a request goes through. */
export interface Step {
  step: number
  approver: Approver
  /** null: anybody of HR. */
  approverId: string | null
  state: StepState
}

/** Those above somebody on a day, the nearest first. */
export type ReportingLine = readonly { id: string; employed: boolean }[]

/** Who has a part in the approval of a request; where there is nobody, or nobody but oneself, it is for HR. */
export function approverOf(approver: Approver, employeeId: string, line: ReportingLine): string | null {
  const above = line.filter(({ id, employed }) => employed && id !== employeeId)
  switch (approver) {
    case 'manager':
      return above[0]?.id ?? null
    case 'managers-manager':
      return above[1]?.id ?? null
    case 'hr':
      return null
  }
}

/** The chain of a request of some working days; the same approver twice in a row decides once. */
export function chainFor(
  steps: PolicyRules['approval'],
  workingDays: number,
  employeeId: string,
  line: ReportingLine,
): Step[] {
  return steps
    .filter(({ longerThanDays }) => longerThanDays === undefined || workingDays > longerThanDays)
    .map(({ approver }) => ({ approver, approverId: approverOf(approver, employeeId, line) }))
    .filter(({ approverId }, i, all) => i === 0 || approverId !== all[i - 1]!.approverId)
    .map(({ approver, approverId }, i) => ({
      step: i + 1,
      approver,
      approverId,
      state: i === 0 ? 'pending' : 'waiting',
    }))
}

export const openStep = <S extends Step>(steps: readonly S[]): S | undefined =>
  steps.find(({ state }) => state === 'pending')

/** The chain after a decision on its open step. */
export function decided<S extends Step>(steps: readonly S[], decision: 'approve' | 'reject'): S[] {
  const open = openStep(steps)!
  return steps.map((one) => {
    if (one === open) return { ...one, state: decision === 'approve' ? 'approved' : 'rejected' }
    if (one.state !== 'waiting') return one
    if (decision === 'reject') return { ...one, state: 'skipped' }
    return one.step === open.step + 1 ? { ...one, state: 'pending' } : one
  })
}

/** The chain of a request that is cancelled: nobody decides it any more. */
export const abandoned = <S extends Step>(steps: readonly S[]): S[] =>
  steps.map((one) =>
    one.state === 'pending' || one.state === 'waiting' ? { ...one, state: 'skipped' } : one,
  )

/** The chain when the line above has changed: steps that are not decided yet find who has the part now. */
export const reassigned = <S extends Step>(
  steps: readonly S[],
  employeeId: string,
  line: ReportingLine,
): S[] =>
  steps.map((one) =>
    one.state === 'pending' || one.state === 'waiting'
      ? { ...one, approverId: approverOf(one.approver, employeeId, line) }
      : one,
  )
