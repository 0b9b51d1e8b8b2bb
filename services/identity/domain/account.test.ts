import { describe, expect, it } from 'vitest'
import { isCurrent, isUsable, normalizeEmail, type Standing, statusOf } from './account.ts'

const now = new Date('2026-11-21T12:00:00Z')
const open: Standing = { status: 'open', activeUntil: null, tenantStatus: 'active' }

describe('an account', () => {
  it('is usable while open, in an active tenant, before its end', () => {
    expect(isUsable(open, now)).toBe(true)
    expect(isUsable({ ...open, status: 'disabled' }, now)).toBe(false)
    expect(isUsable({ ...open, tenantStatus: 'suspended' }, now)).toBe(false)
    expect(isUsable({ ...open, activeUntil: new Date('2026-11-21T12:00:01Z') }, now)).toBe(true)
    expect(isUsable({ ...open, activeUntil: now }, now)).toBe(false)
  })

  it('is seen as invited until it has a password, and as disabled past its end', () => {
    expect(statusOf(open, false, now)).toBe('invited')
    expect(statusOf(open, true, now)).toBe('active')
    expect(statusOf({ status: 'open', activeUntil: now }, true, now)).toBe('disabled')
    expect(statusOf({ status: 'erased', activeUntil: null }, false, now)).toBe('erased')
  })

  it('ignores facts that are older than what it knows', () => {
    expect(isCurrent(7, 6)).toBe(false)
    expect(isCurrent(7, 7)).toBe(true)
    expect(isCurrent(7, undefined)).toBe(true)
  })

  it('has an e-mail address without regard to case', () => {
    expect(normalizeEmail(' Ada@Example.COM ')).toBe('ada@example.com')
  })
})
