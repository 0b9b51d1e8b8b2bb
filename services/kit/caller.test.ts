import { randomUUIDv7 } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { assertScope, type Caller, callerFrom, encodeRoles, identityHeaders, scopeFor } from './caller.ts'
import type { Scope } from './schemas.ts'

const tenant = randomUUIDv7()
const employee = randomUUIDv7()
const other = randomUUIDv7()

function caller(roles: string[], more: Record<string, string> = { [identityHeaders.emp]: employee }): Caller {
  const headers: Record<string, string> = {
    [identityHeaders.tid]: tenant,
    [identityHeaders.sub]: randomUUIDv7(),
    [identityHeaders.azp]: 'web',
    [identityHeaders.roles]: encodeRoles(roles),
    ...more,
  }
  return callerFrom((name) => headers[name])!
}

describe('the caller', () => {
  it('is who the headers say, which travel on with the token and nothing else', () => {
    const found = caller(['manager:reports'], {
      [identityHeaders.emp]: employee,
      authorization: 'Bearer t',
      cookie: 'c=1',
    })
    expect(found).toMatchObject({
      tenant,
      client: 'web',
      employee,
      grants: [{ role: 'manager', reach: 'reports' }],
    })
    expect(Object.keys(found.headers).sort()).toEqual(
      [...Object.values(identityHeaders), 'authorization'].sort(),
    )
  })

  it('is nobody without tenant or account', () => {
    expect(callerFrom(() => undefined)).toBeUndefined()
    expect(callerFrom((name) => (name === identityHeaders.tid ? tenant : undefined))).toBeUndefined()
    expect(callerFrom((name) => (name === identityHeaders.sub ? 'a' : undefined))).toBeUndefined()
  })

  it.each(['x', `${tenant}'; drop table counter`, tenant.toUpperCase()])(
    'has a tenant that is an id, not %s',
    (tid) => {
      expect(() => caller([], { [identityHeaders.tid]: tid })).toThrow('The token names no tenant')
    },
  )

  it.each(['not base64 of JSON', Buffer.from('"admin:all"').toString('base64')])(
    'has roles that can be read, not %s',
    (roles) => {
      expect(() => caller([], { [identityHeaders.roles]: roles })).toThrow(
        'The roles of the token cannot be read',
      )
    },
  )
})

const declared = { 'hr-admin': 'all', manager: 'reports', employee: 'self' } as const

describe('the scope of a request', () => {
  it.each<[string[], Scope | undefined]>([
    [['hr-admin:all'], { reach: 'all' }],
    [['manager:reports'], { reach: 'reports', employeeId: employee }],
    [['employee:self'], { reach: 'self', employeeId: employee }],
    // the widest of several
    [['employee:self', 'manager:reports'], { reach: 'reports', employeeId: employee }],
    [['hr-admin:all', 'employee:self'], { reach: 'all' }],
    // never wider than the role may here, nor than it was assigned
    [['manager:all'], { reach: 'reports', employeeId: employee }],
    [['employee:all'], { reach: 'self', employeeId: employee }],
    [['hr-admin:reports'], { reach: 'reports', employeeId: employee }],
    [['hr-admin:self'], { reach: 'self', employeeId: employee }],
    // roles that the operation does not name, or that nobody knows
    [['operator:all'], undefined],
    [['constructor:all'], undefined],
    [['manager:toString'], undefined],
    [['manager'], undefined],
    [[''], undefined],
    [[], undefined],
  ])('%j gives %j', (roles, scope) => {
    expect(scopeFor(caller(roles), declared)).toEqual(scope)
  })

  it('needs an employee unless it is everybody', () => {
    expect(scopeFor(caller(['manager:reports'], {}), declared)).toBeUndefined()
    expect(scopeFor(caller(['hr-admin:all'], {}), declared)).toEqual({ reach: 'all' })
  })
})

describe('a data service', () => {
  it.each<[string[], Scope]>([
    [['hr-admin:all'], { reach: 'all' }],
    [['hr-admin:all'], { reach: 'self', employeeId: employee }],
    [['manager:reports'], { reach: 'reports', employeeId: employee }],
    [['employee:self'], { reach: 'self', employeeId: employee }],
  ])('gives %j the scope %j', (roles, scope) => {
    expect(() => assertScope(caller(roles), scope)).not.toThrow()
  })

  it.each<[string[], Scope]>([
    [['manager:reports'], { reach: 'all' }],
    [['employee:self'], { reach: 'reports', employeeId: employee }],
    [['employee:self'], { reach: 'all' }],
    [[], { reach: 'self', employeeId: employee }],
    [['manager:toString'], { reach: 'self', employeeId: employee }],
    // that of somebody else
    [['manager:reports'], { reach: 'reports', employeeId: other }],
    [['employee:self'], { reach: 'self', employeeId: other }],
  ])('refuses %j the scope %j', (roles, scope) => {
    expect(() => assertScope(caller(roles), scope)).toThrow('The token does not reach that far')
  })

  it('trusts the background work that identity gave a token', () => {
    const job = caller([], { [identityHeaders.sub]: 'job:lifecycle' })
    expect(() => assertScope(job, { reach: 'all' })).not.toThrow()
  })
})
