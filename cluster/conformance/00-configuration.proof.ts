import { describe, expect, it } from 'vitest'
import { eventually } from './harness/eventually.ts'
import { type KubeObject, list } from './harness/kubernetes.ts'
import { isMade } from './harness/probes.ts'
import { proxyAdmin, proxyStats } from './harness/proxies.ts'

/** Those of other proofs come and go. */
const podsThatStay = async () =>
  (await list('pods')).filter((pod) => !isMade(pod) && !pod.metadata.deletionTimestamp)

const hasProxy = ({ spec, status }: KubeObject) =>
  status.phase === 'Running' &&
  [...(spec.initContainers ?? []), ...spec.containers].some(({ name }) => name === 'istio-proxy')

const refOf = ({ metadata: { name, namespace } }: KubeObject) => ({ name, namespace })

describe('0. the configuration', () => {
  it('is accepted by every proxy: none has rejected an update of istiod', async () => {
    const pods = (await podsThatStay()).filter(hasProxy)
    expect(pods.length).toBeGreaterThan(0)
    for (const pod of pods) {
      const rejected = await proxyStats(refOf(pod), 'update_rejected|init_fetch_timeout')
      // A proxy that knows no such counter was asked the wrong question.
      expect(Object.keys(rejected), pod.metadata.name).toContain('listener_manager.lds.update_rejected')
      const failures = Object.entries(rejected).filter(
        ([name, count]) => name.includes('rejected') && count > 0,
      )
      expect(failures, pod.metadata.name).toEqual([])
    }
  })

  it('holds no listener or cluster that a proxy could not make', async () => {
    for (const pod of (await podsThatStay()).filter(hasProxy)) {
      const dump = await proxyAdmin(refOf(pod), 'config_dump')
      expect(dump.match(/"error_state"[^}]*/g), pod.metadata.name).toBeNull()
    }
  })

  it('runs: every pod of every namespace is ready or has done its work', async () => {
    await eventually('All pods are ready', async () => {
      const waiting = (await podsThatStay()).filter(
        ({ status }) =>
          status.phase !== 'Succeeded' &&
          !status.conditions?.some(
            ({ type, status: is }: { type: string; status: string }) => type === 'Ready' && is === 'True',
          ),
      )
      expect(waiting.map(({ metadata }) => metadata.name)).toEqual([])
    })
  })
})
