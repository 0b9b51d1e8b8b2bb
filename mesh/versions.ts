/** Of one service there may be two versions at a time: the one that stays, and one that is being tried. */
export type Version = 'stable' | 'canary'

/** Says of a pod which version it runs; Istio's metrics carry it. */
export const versionLabel = 'service.istio.io/canonical-revision'

/** How much of a service's traffic its canary gets. */
export interface CanaryTraffic {
  service: string
  /** Percent of the requests, 0 to 100. */
  weight: number
  /** Requests with this header go to the canary whatever the weight. */
  header?: { name: string; value: string }
}

interface Route {
  name: string
  match?: { method: object; uri: object; headers?: object }[]
}

/** Both are always there, so that policies may be applied in any order when a canary comes or goes. */
export const subsets = (['stable', 'canary'] satisfies Version[]).map((version) => ({
  name: version,
  labels: { [versionLabel]: version },
}))

/**
 * Where a route leads: to the stable version, by name, so that pods of a canary which is gone from the values get
 * nothing while they are still there; and to the canary its share. The one that the header asks for comes first. Timeout
 * and retries are those of the route.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export function byVersion<R extends Route>(route: R, host: string, canary?: CanaryTraffic) {
  const to = (subset: Version) => ({ destination: { host, subset } })
  if (!canary) return [{ ...route, route: [to('stable')] }]
  const { weight, header } = canary
  const shares = [
    { ...to('stable'), weight: 100 - weight },
    { ...to('canary'), weight },
  ]
  const shared = { ...route, route: shares.filter((share) => share.weight > 0) }
  if (!header) return [shared]
  const match = (route.match ?? [undefined]).map((each) => ({
    ...each,
    headers: { ...each?.headers, [header.name]: { exact: header.value } },
  }))
  return [{ ...route, name: `${route.name}-canary`, match, route: [to('canary')] }, shared]
}
