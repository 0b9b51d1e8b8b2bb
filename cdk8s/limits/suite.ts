import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { identityHeaders } from '#kit/caller.ts'
import { tenantMetrics } from '../../observability/names.ts'
import { type Limits, startLimits } from './run.ts'

const programs = inject('limitPrograms')

/** Two replicas of one service behind the edge, as their sidecars see requests. */
describe.skipIf(!programs)('limits over all replicas', () => {
  let limits: Limits
  beforeAll(async () => {
    limits = await startLimits(programs!, {
      perAddress: { requests: 5, seconds: 3600 },
      perTenantOverall: {
        query: { requests: 8, seconds: 3600 },
        command: { requests: 3, seconds: 3600 },
      },
    })
  })
  afterAll(() => limits?.stop())

  const ask = (replica: number, headers: Record<string, string>, method = 'GET') =>
    fetch(`${limits.replicas[replica % 2]}/v1/employees?limit=1`, { method, headers })
  const from = (address: string) => ({ 'x-forwarded-for': address })
  const of = (tenant: string) => ({ [identityHeaders.tid]: tenant })
  const statuses = async (count: number, one: (index: number) => Promise<Response>) => {
    const all: number[] = []
    for (let index = 0; index < count; index++) all.push((await one(index)).status)
    return all
  }

  it('count an address once, whatever it says of others', async () => {
    const forged = (index: number) => `192.0.2.${index}, 203.0.113.9`
    expect(await statuses(6, (index) => ask(index, from(forged(index))))).toEqual([
      200, 200, 200, 200, 200, 429,
    ])
    expect((await ask(0, from('203.0.113.9, 198.51.100.1'))).status).toBe(200)
  })

  it('count the /64 of a host with IPv6 as one', async () => {
    const addresses = (index: number) => from(`2001:db8:1:2::${index + 1}`)
    expect((await statuses(6, (index) => ask(index, addresses(index)))).at(-1)).toBe(429)
    expect((await ask(0, from('2001:db8:1:3::1'))).status).toBe(200)
  })

  it('count a tenant once, queries and commands apart, and leave others alone', async () => {
    const noisy = of('11111111-1111-1111-1111-111111111111')
    expect(await statuses(4, (index) => ask(index, noisy, 'POST'))).toEqual([200, 200, 200, 429])
    expect(await statuses(9, (index) => ask(index, noisy))).toEqual([...Array(8).fill(200), 429])
    expect((await ask(0, of('22222222-2222-2222-2222-222222222222'), 'POST')).status).toBe(200)
  })

  it('tell Prometheus how often each tenant asked and was refused', async () => {
    const noisy = '55555555-5555-5555-5555-555555555555'
    await statuses(5, (index) => ask(index, of(noisy), 'POST'))
    const labels = `{service_name="workforce",staffmesh_kind="command",tenant="${noisy}"}`
    await expect
      .poll(async () => (await limits.metrics()).split('\n').filter((line) => line.includes(noisy)), {
        timeout: 15_000,
      })
      .toEqual([`${tenantMetrics.overLimit}${labels} 2`, `${tenantMetrics.requests}${labels} 5`])
    expect(await limits.metrics()).not.toContain('203.0.113.9')
  })

  it('refuse with a problem document that says when the window ends', async () => {
    const noisy = of('33333333-3333-3333-3333-333333333333')
    await statuses(3, (index) => ask(index, noisy, 'POST'))
    const refused = await ask(0, noisy, 'POST')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(refused.headers.get('retry-after')).toBe(refused.headers.get('x-ratelimit-reset'))
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.json()).toEqual({
      type: 'https://staffmesh.dev/problems/too-many-requests',
      title: 'Too many requests',
      status: 429,
    })
  })

  it('say of a replica’s own limit to try again in a second', async () => {
    const noisy = of('44444444-4444-4444-4444-444444444444')
    // Many at once, so that the bucket is empty before it is filled again.
    const answers = await Promise.all(Array.from({ length: 500 }, () => ask(0, noisy)))
    const refused = answers.find(({ headers }) => headers.get('retry-after') === '1')
    expect(refused?.status).toBe(429)
  })

  it('let requests pass while nobody counts, and count again', async () => {
    const address = from('203.0.113.77')
    await statuses(6, (index) => ask(index, address))
    expect((await ask(0, address)).status).toBe(429)
    limits.pauseStore()
    const start = performance.now()
    expect((await ask(0, address)).status).toBe(200)
    expect(performance.now() - start).toBeLessThan(2000)
    limits.resumeStore()
    await expect.poll(async () => (await ask(0, address)).status, { timeout: 10_000 }).toBe(429)
  })
})
