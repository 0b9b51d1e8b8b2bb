import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { callsOf } from '#kit/service.ts'
import { callerHeaders, type TestCaller } from '#kit/testing.ts'
import { requestOf } from './matrix/request.ts'
import { workforceService } from './service.ts'
import { startWorkforce, type TestWorkforce } from './testing.ts'

// Were workforce to pass down more than the caller's roles give, the data services would still refuse.

let workforce: TestWorkforce
beforeAll(async () => {
  workforce = await startWorkforce()
})
afterAll(() => workforce.close())

interface Schema {
  type?: string
  format?: string
  description?: string
  enum?: unknown[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  minItems?: number
  minimum?: number
  items?: Schema
}

/** Some valid value: its required fields, each the simplest. */
function simplest(schema: Schema): unknown {
  if (schema.anyOf) return simplest(schema.anyOf[0]!)
  if (schema.enum) return schema.enum[0]
  if (schema.format === 'uuid') return randomUUID()
  if (schema.format === 'date') return '2024-01-01'
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 1
  if (schema.type === 'array')
    return Array.from({ length: schema.minItems ?? 0 }, () => simplest(schema.items!))
  if (schema.type === 'object')
    return Object.fromEntries(
      Object.entries(schema.properties ?? {})
        .filter(([name]) => schema.required?.includes(name))
        .map(([name, field]) => [name, simplest(field)]),
    )
  return schema.description?.includes('time zone') ? 'UTC' : 'x'
}

const own = randomUUID()
const other = randomUUID()

describe.each(callsOf(workforceService))('$callee $operation', ({ callee, operation, declaration }) => {
  const takesScope = 'scope' in declaration.input.shape
  const input = {
    ...(simplest(z.toJSONSchema(declaration.input, { io: 'input' }) as Schema) as object),
    // commands on accounts take either id
    ...(callee === 'identity' && !takesScope ? { accountId: randomUUID() } : {}),
  }

  async function send(caller: TestCaller, scope?: object) {
    const app = workforce.apps[callee as keyof typeof workforce.apps]
    const route = declaration.route ?? { method: 'POST' as const, path: `/${operation}` as const }
    const { path, init } = requestOf(
      { ...declaration, route },
      { ...input, ...(scope ? { scope } : {}) },
      'x',
    )
    const response = await app.request(path, {
      ...init,
      headers: { ...init.headers, ...callerHeaders(caller) },
    })
    return { status: response.status, body: await response.json() }
  }

  const forbidden = { status: 403, body: { type: 'https://staffmesh.dev/problems/forbidden' } }
  const manager: TestCaller = { tenant: randomUUID(), employee: own, roles: ['manager:reports'] }
  const employee: TestCaller = { ...manager, roles: ['employee:self'] }

  if (takesScope) {
    it('refuses a wider scope than the token gives', async () => {
      expect(await send(manager, { reach: 'all' })).toMatchObject(forbidden)
      expect(await send(employee, { reach: 'reports', employeeId: own })).toMatchObject(forbidden)
    })

    it("refuses the scope of somebody else's employee", async () => {
      expect(await send(manager, { reach: 'reports', employeeId: other })).toMatchObject(forbidden)
      expect(await send(employee, { reach: 'self', employeeId: other })).toMatchObject(forbidden)
    })
  } else {
    it('takes no scope, and is for roles that reach all', async () => {
      expect(await send(manager)).toMatchObject(forbidden)
      expect(await send(employee)).toMatchObject(forbidden)
    })
  }
})
