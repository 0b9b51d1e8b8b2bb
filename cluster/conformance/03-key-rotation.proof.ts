import { randomUUID } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { audiences } from '#kit/caller.ts'
import { graphOf } from '../../mesh/graph.ts'
import { keyRotation } from '../../mesh/key-rotation.ts'
import { namespaces } from '../../mesh/resource.ts'
import { accessTokenLifetime } from '../../services/identity/config.ts'
import { logInByForm } from '../../services/identity/fixtures/login.ts'
import { services } from '../../services/index.ts'
import { newCompany } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { kubectl, list, read } from './harness/kubernetes.ts'
import { type Call, startLoad } from './harness/load.ts'
import { measured } from './harness/report.ts'
import { askFrom } from './harness/requests.ts'
import { keysSecret, sign, signingKeys } from './harness/tokens.ts'
import { addressOf, podOf } from './harness/workloads.ts'

const graph = graphOf(services)
const inServices = ['--namespace', namespaces.services]
const job = `conformance-${randomUUID().slice(0, 8)}`

/** Where a rotation keeps how far it is; see services/identity/rotation/key-ring.ts. */
const annotation = { phase: 'staffmesh.dev/rotation', switchedAt: 'staffmesh.dev/rotation-switched-at' }

const annotations = async () =>
  (await read('secrets', namespaces.services, keysSecret)).metadata.annotations ?? {}

/** What the sidecar of every service says to a token: 401 where it does not know the key. */
async function statusesOf(key: Awaited<ReturnType<typeof signingKeys>>[number]): Promise<number[]> {
  const token = await sign(key, { aud: audiences.user })
  const asked = await Promise.all(
    services.map(async ({ name }) => {
      const { caller } = graph.edges.find(({ callee }) => callee === name)!
      // A path that nobody may ask: a known key is 403.
      const request = { url: `${addressOf(name)}/`, headers: { authorization: `Bearer ${token}` } }
      return askFrom(await podOf(caller), [request])
    }),
  )
  return asked.flat().map(({ status }) => status)
}

const search = (token: string) =>
  fetch(`${publicUrl}/v1/employees`, { headers: { authorization: `Bearer ${token}` } })

describe('3. the signing keys', () => {
  afterAll(() => kubectl(['delete', 'job', job, ...inServices, '--ignore-not-found']))

  it('are rotated under constant load without a failed login or request', { timeout: 400_000 }, async () => {
    const company = await newCompany()
    const logIn = async () => (await logInByForm(publicUrl, company)).access_token
    const [former, next] = await signingKeys()
    const signedByFormer = await logIn()
    expect(decodeProtectedHeader(signedByFormer).kid).toBe(former!.kid)

    let token = signedByFormer
    const calls: Call[] = [
      {
        name: 'query',
        async send() {
          const { status } = await search(token)
          if (status !== 200) throw new Error(`${status}`)
        },
      },
      {
        name: 'command',
        async send() {
          const { status } = await fetch(`${publicUrl}/v1/imports`, {
            method: 'POST',
            headers: {
              authorization: `Bearer ${token}`,
              'content-type': 'application/json',
              'idempotency-key': randomUUID(),
            },
            body: JSON.stringify({ kind: 'employees' }),
          })
          if (status !== 201) throw new Error(`${status}`)
        },
      },
    ]
    const requests = startLoad(calls, 10)
    const logins = startLoad(
      [
        {
          name: 'login',
          async send() {
            token = await logIn()
          },
        },
      ],
      0.5,
    )
    const began = Date.now()
    try {
      await kubectl(['create', 'job', job, '--from', `cronjob/${keyRotation}`, ...inServices])
      await eventually(
        'The next key signs',
        async () => {
          expect((await annotations())[annotation.phase]).toBe('retiring')
          expect(decodeProtectedHeader(token).kid).toBe(next!.kid)
        },
        180,
      )
      // Now the Job waits until what the former key has signed has expired. Clients of this load log in every two
      // seconds and show nothing older, so for them that has come: the clock is put forward, not the waiting left out.
      const expired = new Date(Date.now() - (accessTokenLifetime + 600) * 1000).toISOString()
      await kubectl([
        'annotate',
        'secret',
        keysSecret,
        `${annotation.switchedAt}=${expired}`,
        '--overwrite',
        ...inServices,
      ])
      // Its pod remembers the old time. Another goes on where it was, which is part of the proof.
      await kubectl(['delete', 'pod', '--selector', `job-name=${job}`, '--wait=false', ...inServices])
      await eventually(
        'The former key is gone and another next one is known',
        async () => {
          const { succeeded, conditions } = (await read('jobs', namespaces.services, job)).status
          expect(succeeded, JSON.stringify(conditions)).toBe(1)
        },
        240,
      )
    } finally {
      const outcomes = await Promise.all([requests.stop(), logins.stop()])
      measured('rotation under load, seconds', Math.round((Date.now() - began) / 1000))
      measured('requests answered', outcomes[0].answered)
      measured('logins', outcomes[1].answered)
      measured('failed', outcomes.flatMap(({ failures }) => failures).length)
      expect(outcomes.flatMap(({ failures }) => failures)).toEqual([])
    }

    const keys = await signingKeys()
    expect(keys.map(({ kid }) => kid)).toEqual([next!.kid, expect.not.stringMatching(former!.kid)])
    const all = (status: number) => services.map(() => status)
    await eventually('The former key is refused everywhere', async () => {
      expect(await statusesOf(former!)).toEqual(all(401))
      expect((await search(signedByFormer)).status).toBe(401)
    })
    // That it was known without a pause is what the load shows; a busy proxy may answer 503 to one who asks.
    await eventually('The keys of now are known everywhere', async () => {
      for (const key of keys) expect(await statusesOf(key)).toEqual(all(403))
    })
    expect((await search(await logIn())).status).toBe(200)
  })

  it('are those that manifests made from the Secret would carry', async () => {
    const wanted = (await signingKeys()).map(({ kid }) => kid).toSorted()
    const rules = await list('requestauthentications.security.istio.io', namespaces.services)
    expect(rules.map(({ metadata }) => metadata.name).toSorted()).toEqual(
      services.map(({ name }) => name).toSorted(),
    )
    for (const { metadata, spec } of rules) {
      const { keys } = JSON.parse(spec.jwtRules[0].jwks) as { keys: { kid: string }[] }
      expect(keys.map(({ kid }) => kid).toSorted(), metadata.name).toEqual(wanted)
    }
  })
})
