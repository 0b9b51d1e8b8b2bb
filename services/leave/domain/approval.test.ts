import { describe, expect, it } from 'vitest'
import { allowedActions, type Subject } from './actions.ts'
import { abandoned, chainFor, decided, reassigned, type Step } from './approval.ts'
import type { PolicyRules } from './model.ts'

const line = (...ids: string[]) => ids.map((id) => ({ id, employed: true }))
const steps = (...approvers: (Step['approver'] | [Step['approver'], number])[]): PolicyRules['approval'] =>
  approvers.map((one) =>
    typeof one === 'string' ? { approver: one } : { approver: one[0], longerThanDays: one[1] },
  )
const shown = (chain: Step[]) => chain.map(({ approver, approverId, state }) => [approver, approverId, state])

describe('an approval chain', () => {
  it('goes from the manager to the one above and to HR, the first step being open', () => {
    const chain = chainFor(steps('manager', 'managers-manager', 'hr'), 1, 'me', line('boss', 'head', 'chief'))
    expect(shown(chain)).toEqual([
      ['manager', 'boss', 'pending'],
      ['managers-manager', 'head', 'waiting'],
      ['hr', null, 'waiting'],
    ])
  })

  it('has steps for long requests only', () => {
    const rules = steps('manager', ['hr', 10])
    expect(chainFor(rules, 10, 'me', line('boss'))).toHaveLength(1)
    expect(chainFor(rules, 11, 'me', line('boss'))).toHaveLength(2)
  })

  it('passes over who is not employed, and over oneself; without anybody above it is for HR', () => {
    const above = [{ id: 'gone', employed: false }, ...line('me', 'head')]
    expect(shown(chainFor(steps('manager'), 1, 'me', above))).toEqual([['manager', 'head', 'pending']])
    expect(shown(chainFor(steps('manager', 'managers-manager'), 1, 'me', line()))).toEqual([
      ['manager', null, 'pending'],
    ])
  })

  it('asks the same approver twice in a row once', () => {
    const chain = chainFor(steps('manager', 'managers-manager', 'hr'), 1, 'me', line('boss'))
    expect(shown(chain)).toEqual([
      ['manager', 'boss', 'pending'],
      ['managers-manager', null, 'waiting'],
    ])
  })

  it('opens the next step when one is approved, and skips all others when one is rejected', () => {
    const chain = chainFor(steps('manager', 'managers-manager', 'hr'), 1, 'me', line('boss', 'head'))
    const states = (chain: Step[]) => chain.map(({ state }) => state)
    const once = decided(chain, 'approve')
    expect(states(once)).toEqual(['approved', 'pending', 'waiting'])
    expect(states(decided(once, 'reject'))).toEqual(['approved', 'rejected', 'skipped'])
    expect(states(abandoned(once))).toEqual(['approved', 'skipped', 'skipped'])
    expect(states(decided(decided(once, 'approve'), 'approve'))).toEqual(['approved', 'approved', 'approved'])
  })

  it('finds new approvers for what is not decided yet when the line changes', () => {
    const chain = decided(
      chainFor(steps('manager', 'managers-manager', 'hr'), 1, 'me', line('boss', 'head')),
      'approve',
    )
    expect(shown(reassigned(chain, 'me', line('other', 'new')))).toEqual([
      ['manager', 'boss', 'approved'],
      ['managers-manager', 'new', 'pending'],
      ['hr', null, 'waiting'],
    ])
  })
})

describe('the actions that somebody may take', () => {
  const subject = (given: Partial<Subject> = {}): Subject => ({
    employeeId: 'me',
    state: 'pending',
    startsOn: '2026-03-09',
    steps: [{ step: 1, approver: 'manager', approverId: 'boss', state: 'pending' }],
    today: '2026-03-09',
    closedThrough: null,
    ...given,
  })
  const me = { employeeId: 'me', isHr: false, decidesFor: ['me'] }
  const boss = { employeeId: 'boss', isHr: false, decidesFor: ['boss'] }
  const delegate = { employeeId: 'other', isHr: false, decidesFor: ['other', 'boss'] }
  const head = { employeeId: 'head', isHr: false, decidesFor: ['head'] }
  const hr = { employeeId: 'hr', isHr: true, decidesFor: ['hr'] }
  const hrMyself = { ...me, isHr: true }
  const decide = ['approve', 'reject']

  it.each([
    ['the employee', me, {}, ['cancel']],
    ['the employee, when it has begun', me, { today: '2026-03-10' }, []],
    ['the employee, once it is approved', me, { state: 'approved', steps: [] }, ['cancel']],
    ['the employee, once it is rejected', me, { state: 'rejected', steps: [] }, []],
    ['the approver', boss, {}, decide],
    ['the approver, once it is approved', boss, { state: 'approved', steps: [] }, []],
    ['a delegate of the approver', delegate, {}, decide],
    ['somebody further up', head, {}, []],
    ['HR', hr, {}, [...decide, 'cancel']],
    ['HR, when it has begun', hr, { today: '2026-03-10' }, [...decide, 'cancel']],
    ['HR, in a closed period', hr, { closedThrough: '2026-03-09' }, ['reject']],
    ['HR, of one’s own request', hrMyself, {}, ['cancel']],
    ['who delegates to the employee', { ...me, decidesFor: ['me', 'boss'] }, {}, ['cancel']],
    ['an account of nobody', { employeeId: null, isHr: false, decidesFor: [] }, {}, []],
  ] as const)('%s', (_, actor, given, actions) => {
    expect(allowedActions(actor, subject(given as Partial<Subject>))).toEqual(actions)
  })
})
