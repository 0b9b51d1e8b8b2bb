import { createHmac, createPublicKey, generateKeyPairSync, sign, type webcrypto } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Subject, samplesOf } from './subject.ts'
import { ask, expectProblem } from './wire.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string) =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>

const partsOf = (token: string) => {
  const [header, payload, signature] = token.split('.') as [string, string, string]
  return { header: decode(header), payload: decode(payload), encoded: { header, payload, signature } }
}

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** A token with these parts, well signed by somebody whom the edge doesn't know. */
function byStranger(header: object, payload: object): string {
  const content = `${encode(header)}.${encode(payload)}`
  return `${content}.${sign('sha256', Buffer.from(content), stranger.privateKey).toString('base64url')}`
}

/** Whom the edge lets in. */
export function tokenSuite(subject: () => Subject): void {
  describe('a request', () => {
    const list = () => samplesOf(subject().services).list
    const get = (token?: string, headers: Record<string, string> = {}) =>
      ask(subject().url, { path: list().path, headers, ...(token === undefined ? {} : { token }) })

    it('with a token for users passes', async () => {
      const answer = await get(await subject().token('hr-admin'))
      expect(answer.status).toBe(200)
      expect(answer.headers['content-type']).toMatch(/^application\/json/)
    })

    it('takes the scheme in any case', async () => {
      const token = await subject().token('hr-admin')
      expect((await get(undefined, { authorization: `bearer ${token}` })).status).toBe(200)
    })

    it('without a token is refused with a challenge', async () => {
      const answer = await get()
      expectProblem(answer, 'unauthenticated')
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    })

    it('with a token elsewhere than in Authorization is refused', async () => {
      const token = await subject().token('hr-admin')
      const path = `${list().path}?access_token=${token}&jwt=${token}`
      expectProblem(await ask(subject().url, { path }), 'unauthenticated')
      expectProblem(
        await get(undefined, { cookie: `access_token=${token}; jwt=${token}` }),
        'unauthenticated',
      )
    })

    it('of an account without the role is refused by the service behind', async () => {
      expectProblem(await get(await subject().token('employee')), 'forbidden')
    })

    it('of another tenant does not find what the first one has', async ({ skip }) => {
      if (!subject().has('other-tenant')) return skip('there is no account of another tenant')
      const { url, item: path } = subject()
      const own = await ask(url, { path, token: await subject().token('hr-admin') })
      expect(own.status).toBe(200)
      const foreign = await ask(url, { path, token: await subject().token('other-tenant') })
      expect(foreign).toMatchObject({
        status: 404,
        headers: { 'content-type': expect.stringMatching(/^application\/problem\+json/) },
      })
    })

    it.each<[string, (token: string) => string]>([
      ['no token at all', () => 'abc'],
      ['two parts', (token) => token.split('.').slice(0, 2).join('.')],
      [
        'no algorithm',
        (token) => `${encode({ ...partsOf(token).header, alg: 'none' })}.${token.split('.')[1]}.`,
      ],
      [
        'an algorithm spelled otherwise',
        (token) => `${encode({ ...partsOf(token).header, alg: 'nOnE' })}.${token.split('.')[1]}.`,
      ],
      [
        'other claims than were signed',
        (token) => {
          const { payload, encoded } = partsOf(token)
          return `${encoded.header}.${encode({ ...payload, sub: 'somebody' })}.${encoded.signature}`
        },
      ],
      ['the signature of a stranger', (token) => byStranger(partsOf(token).header, partsOf(token).payload)],
      [
        'a key that nobody published',
        (token) => byStranger({ ...partsOf(token).header, kid: 'unknown' }, partsOf(token).payload),
      ],
      [
        'a key that it brings along',
        (token) =>
          byStranger(
            { alg: 'RS256', jwk: stranger.publicKey.export({ format: 'jwk' }) },
            partsOf(token).payload,
          ),
      ],
      [
        'a key that it wants fetched',
        (token) =>
          byStranger({ alg: 'RS256', kid: 'x', jku: 'http://127.0.0.1:9/jwks' }, partsOf(token).payload),
      ],
    ])('whose token has %s is refused', async (_what, forge) => {
      const answer = await get(forge(await subject().token('hr-admin')))
      expectProblem(answer, 'unauthenticated')
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    })

    it('whose token is signed with the public key as a shared secret is refused', async () => {
      const token = await subject().token('hr-admin')
      const { header, payload } = partsOf(token)
      const secrets = await publicKeys(subject().jwks)
      for (const secret of secrets) {
        const content = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`
        const signature = createHmac('sha256', secret).update(content).digest('base64url')
        expectProblem(await get(`${content}.${signature}`), 'unauthenticated')
      }
    })
  })

  describe('a token that identity signed', () => {
    const refused = (what: string, claims: Record<string, unknown>, header = {}) =>
      it(`is refused ${what}`, async ({ skip }) => {
        const { url, services, sign } = subject()
        if (!sign) return skip('this edge trusts no key of the suite')
        const { path } = samplesOf(services).list
        expect((await ask(url, { path, token: await sign({}) })).status).toBe(200)
        expectProblem(await ask(url, { path, token: await sign(claims, header) }), 'unauthenticated')
      })
    const now = Math.floor(Date.now() / 1000)

    refused('when it has expired', { exp: now - 120 })
    refused('when it never expires', { exp: undefined })
    refused('before its time', { nbf: now + 600 })
    refused('when it is for background work', { aud: 'staffmesh-jobs' })
    refused('when it is for somebody else', { aud: 'another' })
    refused('when it is for nobody', { aud: undefined })
    refused('when it is for somebody else too', { aud: ['staffmesh', 'another'] })
    refused('when another issuer made it', { iss: 'https://elsewhere.example/oidc' })
    refused('when it names no issuer', { iss: undefined })
    refused('when it names no account', { sub: undefined })
    refused('when it names no tenant', { tid: undefined })
    refused('when its tenant is none', { tid: '*' })
    refused('when it stands for a job', { sub: 'job:lifecycle' })
    refused('when a claim would break a header', { emp: 'a\r\nx-staffmesh-roles: W10=' })
    refused('when its roles are no list', { roles: 'hr-admin:all' })
    refused('when it names no key', {}, { kid: undefined })
  })
}

/** The published keys, the way a careless verifier would use them as a secret. */
async function publicKeys(jwks: URL): Promise<string[]> {
  const response = await fetch(jwks)
  const { keys } = (await response.json()) as { keys: webcrypto.JsonWebKey[] }
  expect(keys.length).toBeGreaterThan(0)
  return keys.flatMap((jwk) => {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    return [key.export({ type: 'spki', format: 'pem' }).toString(), JSON.stringify(jwk)]
  })
}
