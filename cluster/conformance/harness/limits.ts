import { expect } from 'vitest'
import { type GlobalLimit, limitConfiguration, limitService } from '../../../mesh/global-limits.ts'
import { graphOf } from '../../../mesh/graph.ts'
import { limitStore } from '../../../mesh/limit-service.ts'
import { services } from '../../../services/index.ts'
import { eventually } from './eventually.ts'
import { exec, forward, type PodRef, readyPods } from './kubernetes.ts'

const { domain } = limitConfiguration(graphOf(services))

async function podOf(workload: string): Promise<PodRef> {
  const [pod] = await readyPods(limitService.namespace, `app.kubernetes.io/name=${workload}`)
  if (!pod) throw new Error(`No pod of ${workload} is ready`)
  return { name: pod.metadata.name, namespace: limitService.namespace }
}

/** What a global limit counts by: whose requests these are. */
const entriesOf = ({ service, per, kind }: GlobalLimit, who: string) => [
  { key: 'service', value: service },
  ...(per === 'address'
    ? [{ key: 'masked_remote_address', value: `${who}/32` }]
    : [
        { key: 'kind', value: kind! },
        { key: 'tenant', value: who },
      ]),
]

/**
 * Spends all of a global limit but so many requests, as if other replicas had been asked: it asks the rate limit service,
 * in its own pod. The window does not end within the next eight seconds.
 */
export async function leave(limit: GlobalLimit, who: string, left: number): Promise<void> {
  const window = limit.quota.seconds
  await eventually('A window begins', async () => {
    expect(window - ((Date.now() / 1000) % window)).toBeGreaterThan(8)
  })
  const tunnel = await forward(await podOf(limitService.name), 8080)
  try {
    const response = await fetch(`http://127.0.0.1:${tunnel.port}/json`, {
      method: 'POST',
      body: JSON.stringify({
        domain,
        hitsAddend: limit.quota.requests - left,
        descriptors: [{ entries: entriesOf(limit, who) }],
      }),
    })
    const { statuses } = (await response.json()) as { statuses: { limitRemaining: number }[] }
    expect(statuses[0]!.limitRemaining, `${limit.service}: spent before`).toBe(left)
  } finally {
    tunnel.close()
  }
}

/** Forgets what was counted of somebody. */
export async function forget(who: string): Promise<void> {
  const store = { ...(await podOf(limitStore.name)), container: 'store' }
  const keys = (await exec(store, ['redis-cli', '--scan', '--pattern', `*${who}*`]))
    .split('\n')
    .filter(Boolean)
  if (keys.length > 0) await exec(store, ['redis-cli', 'del', ...keys])
}
