import { dnsNameOf, namespaces } from '../../../mesh/resource.ts'
import { exec, type PodRef } from './kubernetes.ts'

/** Asks the admin interface of a pod's proxy, e.g. `stats?filter=upstream_rq&format=json`, `config_dump`. */
export const proxyAdmin = ({ name, namespace }: PodRef, path: string, method: 'GET' | 'POST' = 'GET') =>
  exec({ name, namespace, container: 'istio-proxy' }, ['pilot-agent', 'request', method, path])

/** Counters and gauges of a pod's proxy whose name matches a regular expression. */
export async function proxyStats(pod: PodRef, filter: string): Promise<Record<string, number>> {
  const text = await proxyAdmin(pod, `stats?filter=${encodeURIComponent(filter)}`)
  return Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.match(/^(.*): (\d+)$/))
      .filter((match) => match !== null)
      .map((match) => [match[1]!, Number(match[2])]),
  )
}

/** A replica as the proxy of a caller sees it. */
export interface Upstream {
  address: string
  /** Requests sent to it so far, tries again among them. */
  requests: number
  /** Left out for a while because it failed (outlier detection). */
  ejected: boolean
}

/** The replicas of a service that a caller's proxy chooses from. */
export async function upstreamsOf(caller: PodRef, service: string): Promise<Upstream[]> {
  const { cluster_statuses: clusters } = JSON.parse(await proxyAdmin(caller, 'clusters?format=json')) as {
    cluster_statuses: { name: string; host_statuses?: HostStatus[] }[]
  }
  const cluster = clusters.find(
    ({ name }) => name === `outbound|80|stable|${dnsNameOf(service, namespaces.services)}`,
  )
  if (!cluster) throw new Error(`The proxy of ${caller.name} does not know ${service}`)
  return (cluster.host_statuses ?? []).map(({ address, stats, health_status }) => ({
    address: address.socket_address.address,
    requests: Number(stats.find(({ name }) => name === 'rq_total')?.value ?? 0),
    ejected: health_status.failed_outlier_check ?? false,
  }))
}

interface HostStatus {
  address: { socket_address: { address: string } }
  stats: { name: string; value?: string }[]
  health_status: { failed_outlier_check?: boolean }
}
