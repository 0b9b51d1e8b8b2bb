import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { audiences, encodeRoles, identityHeaders } from '#kit/caller.ts'
import { edge } from '../../mesh/graph.ts'
import { type Company, newCompany } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'
import { askFrom } from './harness/requests.ts'
import { sign, signingKeys } from './harness/tokens.ts'
import { addressOf, podOf } from './harness/workloads.ts'

interface Answer {
  status: number
  body: string
}
interface Sent {
  method?: string
  headers: Record<string, string>
  body?: string
}

/** Two ways to `workforce`: as clients come, and as the edge itself would come. */
const doors: Record<string, (path: string, sent: Sent) => Promise<Answer>> = {
  'through the edge': async (path, sent) => {
    const response = await fetch(publicUrl + path, sent)
    return { status: response.status, body: await response.text() }
  },
  'past the edge': async (path, sent) =>
    (await askFrom(await podOf(edge), [{ url: addressOf('workforce') + path, ...sent }]))[0]!,
}

describe.each(Object.entries(doors))('3. identity headers that come %s', (_, ask) => {
  const [admin, other] = [randomUUID(), randomUUID()]
  let company: Company
  let token: (claims: { roles: string[] | undefined; emp?: string; aud?: string }) => Promise<string>

  /** Somebody else in another company with whatever helps, beside the token. */
  const spoofed = (emp: string, roles: string[]) => ({
    [identityHeaders.sub]: other,
    [identityHeaders.tid]: randomUUID(),
    [identityHeaders.azp]: 'spoofed',
    [identityHeaders.emp]: emp,
    [identityHeaders.roles]: encodeRoles(roles),
  })
  const bearer = (shown: string) => ({ authorization: `Bearer ${shown}` })

  const hire = async (headers: Record<string, string>) => {
    const answer = await ask('/v1/employees', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
        ...bearer(await token({ roles: ['hr-admin:all'] })),
        ...headers,
      },
      body: JSON.stringify({
        person: { givenName: 'Grace', familyName: 'Hopper' },
        employeeNumber: randomUUID().slice(0, 8),
        joinsOn: '2024-01-01',
        terms: { timeZone: 'Europe/Berlin' },
      }),
    })
    expect(answer.status, answer.body).toBe(201)
    return (JSON.parse(answer.body) as { id: string }).id
  }

  beforeAll(async () => {
    const [key] = await signingKeys()
    company = await newCompany()
    token = (claims) => sign(key!, { sub: admin, tid: company.tenant, azp: 'conformance', ...claims })
  })

  it('are replaced by what the token says: account, client, tenant and roles', async () => {
    // Were the roles believed, nobody would be hired; were the tenant, it would be in another company.
    const employee = await hire(spoofed(randomUUID(), ['employee:self']))
    const { status, body } = await ask(`/v1/employees/${employee}/audit-trail`, {
      headers: bearer(await token({ roles: ['hr-admin:all'] })),
    })
    expect(status, body).toBe(200)
    expect(JSON.parse(body).items).toMatchObject([{ account: admin, client: 'conformance' }])
  })

  it('are replaced by what the token says: the employee, who sees nobody else', async () => {
    const [own, colleague] = [await hire({}), await hire({})]
    const headers = {
      ...spoofed(colleague, ['hr-admin:all']),
      ...bearer(await token({ roles: ['employee:self'], emp: own })),
    }
    expect((await ask(`/v1/employees/${own}`, { headers })).status).toBe(200)
    expect((await ask(`/v1/employees/${colleague}`, { headers })).status).toBe(404)
  })

  it.each<[string, { roles?: string[] }]>([
    ['employee', { roles: ['employee:self'] }],
    ['roles', {}],
  ])('are removed where the token has no such claim: %s', async (_claim, claims) => {
    const headers = {
      ...spoofed(randomUUID(), ['hr-admin:all']),
      ...bearer(await token({ roles: undefined, ...claims })),
    }
    expect((await ask('/v1/employees', { headers })).status).toBe(403)
  })

  it('let nobody in without a token', async () => {
    const { status } = await ask('/v1/employees', { headers: spoofed(randomUUID(), ['hr-admin:all']) })
    expect([401, 403]).toContain(status)
  })

  it('let nobody in with a token of background work', async () => {
    const shown = await token({ roles: ['hr-admin:all'], aud: audiences.job })
    const { status } = await ask('/v1/employees', { headers: bearer(shown) })
    expect([401, 403]).toContain(status)
  })
})
