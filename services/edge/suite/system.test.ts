import type { JWTPayload } from 'jose'
import { afterAll, beforeAll, describe } from 'vitest'
import { logInByForm } from '../../identity/fixtures/login.ts'
import { startSystem } from '../fixtures/system.ts'
import { newImport } from './item.ts'
import type { Subject, Who } from './subject.ts'
import { edgeSuite } from './suite.ts'

describe('the local edge before the real services', () => {
  const origin = 'https://app.example.com'
  let system: Awaited<ReturnType<typeof startSystem>>
  let tokens: Record<Who, string>
  let item: string
  let sign: (claims: JWTPayload, header?: object) => Promise<string>

  beforeAll(async () => {
    system = await startSystem([origin])
    const own = await system.newCompany('own')
    const other = await system.newCompany('other')
    const admin = (await logInByForm(system.url, own)).access_token
    sign = (claims, header) =>
      system.sign(
        {
          sub: '0190a000-0000-7000-8000-0000000000c1',
          tid: own.tenant,
          roles: ['hr-admin:all'],
          exp: Math.floor(Date.now() / 1000) + 600,
          ...claims,
        },
        header,
      )
    const employee = { roles: ['employee:self'], emp: '0190a000-0000-7000-8000-0000000000e2' }
    tokens = {
      'hr-admin': admin,
      employee: await sign({ ...employee, sub: '0190a000-0000-7000-8000-0000000000c2' }),
      'other-tenant': (await logInByForm(system.url, other)).access_token,
      spendthrift: await sign({ ...employee, sub: '0190a000-0000-7000-8000-0000000000c3' }),
    }
    item = await newImport(system.url, admin)
  })
  afterAll(() => system.close())

  edgeSuite(
    (): Subject => ({
      ...system,
      origin,
      token: async (who) => tokens[who],
      has: () => true,
      sign,
      item,
      events: `${item}/events`,
      mayExhaust: true,
    }),
  )
})
