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
