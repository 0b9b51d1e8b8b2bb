import { maxBodyOf, type Operation } from '#kit/contract.ts'
import type { Service } from '#kit/service.ts'
import { maxPublicBody } from '../../services/edge/routes.ts'

/** A way in from outside: where it leads, and what is demanded of a request first. */
export interface EdgeRoute {
  /** Unique, fit for an object's name. */
  name: string
  service: string
  methods: readonly string[]
  /** As declared; `{name}` stands for one segment. */
  path: string
  /** The declaration that it is derived from. */
  because: string
  /** Why no token is demanded; without it one is. */
  open?: string
  /** Bytes. */
  maxBody: number
  /** Requests are passed on while they come in. */
  isUpload: boolean
  /** Answers are passed on while they come in. */
  isStream: boolean
}

/** Intent: every operation of an application service, and the public paths of any, with their reasons. */
export function edgeRoutes(services: readonly Service[]): EdgeRoute[] {
  const routes = services.flatMap((service) => [
    ...Object.entries(service.contract.operations)
      .filter(([, op]) => service.layer === 'application' && op.route)
      .map(([operation, op]) => operationRoute(service.name, operation, op)),
    ...service.publicPaths.map(({ methods, path, because }) => ({
      name: [service.name, 'open', ...path.match(/\w+/g)!].join('-').replaceAll('_', '-'),
      service: service.name,
      methods,
      path,
      because: `publicPaths of services/${service.name}/service.ts`,
      open: because,
      maxBody: maxPublicBody,
      isUpload: false,
      isStream: false,
    })),
  ])
  refuseTwins(routes)
  return routes
}

const operationRoute = (service: string, operation: string, op: Operation): EdgeRoute => ({
  name: `${service}-${operation.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  service,
  methods: [op.route!.method],
  path: op.route!.path,
  because: `${operation} in services/${service}/contract.ts`,
  maxBody: maxBodyOf(op),
  isUpload: op.upload !== undefined,
  isStream: op.kind === 'stream',
})

/** Kong would take the older of two routes that match the same requests, and say nothing. */
function refuseTwins(routes: readonly EdgeRoute[]): void {
  const taken = new Map<string, EdgeRoute>()
  for (const route of routes)
    for (const method of route.methods) {
      const key = `${method} ${route.path.replaceAll(/\{\w+\}/g, '{}')}`
      const other = taken.get(key)
      if (other)
        throw new Error(
          `${method} ${route.path} is declared by ${other.name} and ${route.name}: rename one of the paths`,
        )
      taken.set(key, route)
    }
}
