import type { RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Database } from '#kit/database.ts'
import type { IdentityConfig } from '../config.ts'
import { oidcPath } from '../service.ts'
import { createForms } from './forms.ts'
import { observed } from './observed.ts'
import { createProvider } from './provider.ts'

/** Everything under /oidc: our pages and userinfo, the library for the rest. */
export function createOidcHandler(database: Database, config: IdentityConfig): RequestListener {
  const provider = createProvider(database, config)
  const library = provider.callback()
  const forms = getRequestListener(createForms(provider, database, config).fetch)
  const isOurs = new RegExp(`^${oidcPath}/(login/|invitation|me)([?]|$|(?<=/))`)
  const { host, protocol } = new URL(config.publicUrl)
  return observed((request, response) => {
    const url = request.url!
    if (isOurs.test(url)) return forms(request, response)
    // The library makes addresses of what it thinks it was called by. That is the edge, whatever stands between.
    request.headers['x-forwarded-host'] = host
    request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    // As Express mounts: the library routes by `url` and tells its prefix from `originalUrl`.
    Object.assign(request, { originalUrl: url, url: url.slice(oidcPath.length) })
    return library(request, response)
  })
}
