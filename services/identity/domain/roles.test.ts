import { describe, expect, it } from 'vitest'
import { type Assignment, claimOf, isRole, mayChange } from './roles.ts'

const admin: Assignment = { role: 'hr-admin', reach: 'all' }
const operator: Assignment = { role: 'operator', reach: 'all' }
const manager: Assignment = { role: 'manager', reach: 'reports' }

describe('the roles claim', () => {
  it('has each role once, with its widest reach', () => {
    expect(
      claimOf([manager, { role: 'manager', reach: 'self' }, { role: 'employee', reach: 'self' }]),
    ).toEqual(['employee:self', 'manager:reports'])
  })
})

describe('a role', () => {
  it('has no wider reach than its kind allows', () => {
    expect(isRole(manager)).toBe(true)
    expect(isRole({ role: 'manager', reach: 'all' })).toBe(false)
    expect(isRole({ role: 'employee', reach: 'reports' })).toBe(false)
  })
})

describe('a change of roles', () => {
  it('is for HR administrators, within their reach', () => {
    expect(mayChange([admin], [], [manager, admin])).toBe(true)
    expect(mayChange([manager], [], [{ role: 'employee', reach: 'self' }])).toBe(false)
    expect(mayChange([{ role: 'hr-admin', reach: 'reports' }], [], [admin])).toBe(false)
    expect(mayChange([{ role: 'hr-admin', reach: 'reports' }], [admin], [])).toBe(false)
  })

  it('makes and unmakes operators only by operators', () => {
    expect(mayChange([admin], [], [operator])).toBe(false)
    expect(mayChange([admin], [operator], [])).toBe(false)
    expect(mayChange([admin], [operator], [operator, manager])).toBe(true)
    expect(mayChange([operator], [], [operator])).toBe(true)
  })

  it('assigns no impossible role', () => {
    expect(mayChange([operator], [], [{ role: 'manager', reach: 'all' }])).toBe(false)
  })
})
