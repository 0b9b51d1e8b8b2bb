import type { Kind } from '#kit/contract.ts'
import { type Service, withinLatency } from '#kit/service.ts'
import { anyValue, calledService, matcher, proxyMetrics, series, upTo } from '../names.ts'

/** One promise of a service, and how it is counted. */
export interface Objective {
  service: string
  name: 'availability' | 'reachability' | 'query-latency' | 'command-latency'
  /** Share of the requests that must go well. */
  target: number
  /** Requests per second, in PromQL, over five minutes. */
  requests: string
  /** Those of them that did not go well; 0 where there were requests and all went well. */
  failures: string
}

export const perSecond = (counter: string) => `sum(rate(${counter}[5m]))`

/**
 * What a service promises (`slo` in its service.ts), each counted where it is known best:
 * - availability by the service itself, which knows the operation, so that it can be told what fails;
 * - reachability by its callers' proxies, after all tries, since who is dead or cut off counts nothing. It is the same
 *   promise: a caller does not care why there was no answer;
 * - latency by the service, of each kind of operation. Streams stay open for as long as they like.
 */
export function objectivesOf(service: Service): Objective[] {
  const { name, slo, contract } = service
  const kinds = new Set<Kind>(Object.values(contract.operations).map(({ kind }) => kind))
  return [
    objective(name, 'availability', slo.availability, {
      requests: series(measured, 'count', { 'service.name': name, 'staffmesh.kind': anyValue }),
      failed: series(measured, 'count', { 'service.name': name, 'error.type': anyValue }),
    }),
    objective(name, 'reachability', slo.availability, {
      requests: answers(name, anyValue),
      failed: answers(name, '5xx'),
    }),
    ...(['query', 'command'] as const)
      .filter((kind) => kinds.has(kind))
      .map((kind) => {
        const ofKind = { 'service.name': name, 'staffmesh.kind': kind }
        return objective(name, `${kind}-latency`, withinLatency, {
          requests: series(measured, 'count', ofKind),
          inTime: series(measured, 'bucket', { ...ofKind, le: upTo(slo.latency[kind] / 1000) }),
        })
      }),
  ]
}

const measured = 'http.server.request.duration'

const answers = (service: string, statuses: '5xx' | typeof anyValue) =>
  `${proxyMetrics.answers}{${calledService(service)},${matcher('response_code_class', statuses)}}`

type Counters = { requests: string } & ({ failed: string } | { inTime: string })

function objective(service: string, name: Objective['name'], target: number, counters: Counters): Objective {
  const requests = perSecond(counters.requests)
  const failures =
    'failed' in counters
      ? // What never failed has no such series.
        `${perSecond(counters.failed)} or 0 * ${requests}`
      : `${requests} - ${perSecond(counters.inTime)}`
  return { service, name, target, requests, failures }
}
