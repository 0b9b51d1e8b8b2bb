import { randomUUID } from 'node:crypto'
import { importJWK, SignJWT } from 'jose'
import { beforeAll, describe } from 'vitest'
import { newImport } from '../../services/edge/suite/item.ts'
import type { Subject, Who } from '../../services/edge/suite/subject.ts'
import { edgeSuite } from '../../services/edge/suite/suite.ts'
import { services } from '../../services/index.ts'
import { newCompany } from './harness/company.ts'
import { edgeAddress, publicUrl } from './harness/edge.ts'
import { claimsOf, issuer, signingKeys } from './harness/tokens.ts'

describe('the edge keeps in the cluster what every edge keeps', () => {
  let subject: Subject

  beforeAll(async () => {
    const [own, other] = await Promise.all([newCompany(), newCompany()])
    const [key] = await signingKeys()
    const privateKey = await importJWK(key!, 'RS256')
    const sign: NonNullable<Subject['sign']> = (claims, header) =>
      new SignJWT(claimsOf({ tid: own.tenant, roles: ['hr-admin:all'], ...claims }))
        .setProtectedHeader({ alg: 'RS256', kid: key!.kid, ...header })
        .sign(privateKey)
    const employee = () => ({ roles: ['employee:self'], emp: randomUUID() })
    const tokens: Record<Who, string> = {
      'hr-admin': await own.token(),
      'other-tenant': await other.token(),
      employee: await sign(employee()),
      spendthrift: await sign(employee()),
    }
    const item = await newImport(publicUrl, tokens['hr-admin'])
    subject = {
      url: `http://${await edgeAddress()}`,
      services,
      origin: publicUrl,
      token: async (who) => tokens[who],
      has: () => true,
      jwks: new URL(`${issuer}/jwks`),
      sign,
      item,
      events: `${item}/events`,
      // The other proofs log in from this address.
      mayExhaust: false,
    }
  })

  edgeSuite(() => subject)
})
