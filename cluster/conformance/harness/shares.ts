import { edge } from '../../../mesh/graph.ts'
import { namespaces } from '../../../mesh/resource.ts'
import type { Version } from '../../../mesh/versions.ts'
import { list, logsOf } from './kubernetes.ts'

interface Line {
  time: string
  operation: string
  /** `outbound|<port>|<version>|<host>;` */
  upstream: string
}

/** Which version of a service the edge's proxies have sent each request to since an instant, with its route's name. */
export async function versionsAsked(
  service: string,
  since: Date,
): Promise<{ version: Version; operation: string }[]> {
  const pods = await list('pods', namespaces.edge, `app.kubernetes.io/part-of=${edge}`)
  const logs = await Promise.all(
    pods.map(({ metadata }) => logsOf({ ...metadata, container: 'istio-proxy' }, since)),
  )
  return logs
    .flatMap((log) => log.split('\n'))
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Partial<Line>)
    .flatMap(({ time, operation, upstream }) => {
      const [, , version, host] = upstream?.split('|') ?? []
      const isMeant = host?.startsWith(`${service}.`) && new Date(time!) >= since
      return isMeant ? [{ version: version as Version, operation: operation! }] : []
    })
}
