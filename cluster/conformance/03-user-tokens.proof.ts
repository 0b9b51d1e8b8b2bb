import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { audiences, encodeRoles, identityHeaders } from '#kit/caller.ts'
import { type Edge, edge, graphOf } from '../../mesh/graph.ts'
import { services } from '../../services/index.ts'
import { eventually } from './harness/eventually.ts'
import { measured } from './harness/report.ts'
import { askFrom, type PodAnswer } from './harness/requests.ts'
import { claimsOf, publicPem, sign, signingKeys } from './harness/tokens.ts'
import { addressOf, heardBy, type LogLine, podOf } from './harness/workloads.ts'

const graph = graphOf(services)

/** Operations that demand a token; from outside none but a user's. */
const guarded = graph.edges.filter(({ access }) => access.length > 0 && !access.includes('service'))

const takes = ({ caller, access }: Edge) =>
  (['user', 'job'] as const).filter((kind) => access.includes(kind) && (kind === 'user' || caller !== edge))

const [key] = await signingKeys()
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const foreign = { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', kid: key!.kid }

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const seconds = () => Math.floor(Date.now() / 1000)

/** Signed by nobody, or with what everybody knows. */
function forged(alg: string, claims: JWTPayload, signature: (content: string) => string): string {
  const content = `${encode({ alg, typ: 'at+jwt', kid: key!.kid })}.${encode(claimsOf(claims))}`
  return `${content}.${signature(content)}`
}

interface Fault {
  status: 401 | 403
  /** Nothing where there is no token. */
  token?(claims: JWTPayload, to: Edge): string | Promise<string>
  headers?: Record<string, string>
  /** Whether it is one for that operation; for all unless told. */
  concerns?(to: Edge): boolean
}

/** As whom they would be heard, did anybody believe headers. */
const spoofed = {
  [identityHeaders.sub]: randomUUID(),
  [identityHeaders.tid]: randomUUID(),
  [identityHeaders.azp]: 'spoofed',
  [identityHeaders.emp]: randomUUID(),
  [identityHeaders.roles]: encodeRoles(['hr-admin:all', 'operator:all']),
}

const faults: Record<string, Fault> = {
  'no token': { status: 403 },
  'no token, but the headers that a token becomes': { status: 403, headers: spoofed },
  'a token that has expired': {
    status: 401,
    token: (claims) => sign(key!, { ...claims, iat: seconds() - 700, exp: seconds() - 100 }),
  },
  'a token that is not valid yet': {
    status: 401,
    token: (claims) => sign(key!, { ...claims, nbf: seconds() + 300 }),
  },
  'a token of another issuer': {
    status: 401,
    token: (claims) => sign(key!, { ...claims, iss: 'https://elsewhere.example/oidc' }),
  },
  'a token for another audience': {
    status: 403,
    token: (claims) => sign(key!, { ...claims, aud: 'elsewhere' }),
  },
  'a token of background work for what only people may ask, and the other way round': {
    status: 403,
    concerns: (to) => takes(to).length === 1,
    token: (_, to) => sign(key!, { aud: audiences[takes(to)[0] === 'user' ? 'job' : 'user'] }),
  },
  'a token signed by another key under the name of ours': {
    status: 401,
    token: (claims) => sign(foreign, claims),
  },
  'a token whose claims were changed after it was signed': {
    status: 401,
    async token(claims) {
      const [header, , signature] = (await sign(key!, claims)).split('.')
      return `${header}.${encode(claimsOf({ ...claims, roles: ['operator:all'] }))}.${signature}`
    },
  },
  'a token of a key that nobody knows': {
    status: 401,
    token: (claims) => sign({ ...foreign, kid: randomUUID() }, claims),
  },
  'a token with the algorithm none': { status: 401, token: (claims) => forged('none', claims, () => '') },
  'a token signed with the public key as a shared secret': {
    status: 401,
    token: (claims) =>
      forged('HS256', claims, (content) =>
        createHmac('sha256', publicPem(key!)).update(content).digest('base64url'),
      ),
  },
}

interface Asked {
  to: Edge
  /** Of what is wrong with the token. */
  what: string
  id: string
  answer: PodAnswer
}

/** Asks operations as their declared callers do, past the edge. */
async function askAll(
  questions: readonly { to: Edge; what: string; headers: Record<string, string> }[],
): Promise<Asked[]> {
  const asked = await Promise.all(
    [...Map.groupBy(questions, ({ to }) => to.caller)].map(async ([caller, ofCaller]) => {
      const ids = ofCaller.map(() => randomUUID())
      const answers = await askFrom(
        await podOf(caller),
        ofCaller.map(({ to, headers }, index) => ({
          url: addressOf(to.callee) + to.path.replaceAll(/\{\w+\}/g, () => randomUUID()),
          method: to.method,
          headers: { 'content-type': 'application/json', 'x-request-id': ids[index]!, ...headers },
          // No operation takes this, so nothing is done by whoever hears it after all.
          ...(to.method === 'GET' ? {} : { body: '{' }),
        })),
      )
      return ofCaller.map(({ to, what }, index) => ({ to, what, id: ids[index]!, answer: answers[index]! }))
    }),
  )
  return asked.flat()
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const nameOf = ({ caller, callee, operation }: Edge) => `${caller} → ${callee}.${operation}`

/** The audience that an operation takes, of those there are. */
const audienceOf = (to: Edge) => audiences[takes(to)[0]!]

/** All that the applications have written of since an instant; waits until these are among it. */
async function heard(since: Date, known: readonly Asked[]): Promise<Map<string, LogLine>> {
  const callees = [...new Set(guarded.map(({ callee }) => callee))]
  return eventually('The services write of what they have heard', async () => {
    const lines = await Promise.all(callees.map((callee) => heardBy(callee, since)))
    const all = new Map(lines.flatMap((each) => [...each]))
    const missing = known.filter(({ id }) => !all.has(id))
    expect(missing.map(({ to, answer }) => `${nameOf(to)}: ${answer.status} ${answer.body}`)).toEqual([])
    return all
  })
}

describe('3. user tokens, shown to sidecars past the edge', () => {
  let right: Asked[]
  let wrong: Asked[]
  let log: Map<string, LogLine>
  const tenant = randomUUID()

  beforeAll(async () => {
    const began = new Date()
    wrong = await askAll(
      await Promise.all(
        Object.entries(faults).flatMap(([what, { token, headers = {}, concerns = () => true }]) =>
          guarded.filter(concerns).map(async (to) => {
            const shown = await token?.({ aud: audienceOf(to) }, to)
            return { to, what, headers: { ...headers, ...(shown ? bearer(shown) : {}) } }
          }),
        ),
      ),
    )
    // Last, so that whatever came before is in the log when this is.
    right = await askAll(
      await Promise.all(
        guarded.map(async (to) => ({
          to,
          what: '',
          headers: { ...spoofed, ...bearer(await sign(key!, { aud: audienceOf(to), tid: tenant })) },
        })),
      ),
    )
    log = await heard(began, right)
  })

  it('let every operation hear whom a valid one names, whatever headers beside it say', () => {
    expect(right.length).toBeGreaterThan(0)
    measured('operations asked', right.length)
    measured('times with what is no valid token', wrong.length)
    for (const { to, id } of right) expect(log.get(id)?.tenant, nameOf(to)).toBe(tenant)
  })

  it.each(Object.entries(faults))('%s is refused before any service hears of it', (what, { status }) => {
    const asked = wrong.filter((each) => each.what === what)
    expect(asked.length).toBeGreaterThan(0)
    for (const { to, answer } of asked) expect(answer.status, `${nameOf(to)}: ${answer.body}`).toBe(status)
    expect(asked.filter(({ id }) => log.has(id)).map(({ to }) => nameOf(to))).toEqual([])
  })
})
