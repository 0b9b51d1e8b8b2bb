import type { RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Database } from '#kit/database.ts'
import type { IdentityConfig } from '../config.ts'
import { oidcPath } from '../service.ts'
import { createForms } from './forms.ts'
import { createProvider } from './provider.ts'

/** Everything under /oidc: our pages and userinfo, the library for the rest. */
export function createOidcHandler(database: Database, config: IdentityConfig): RequestListener {
  const provider = createProvider(database, config)
  const library = provider.callback()
  const forms = getRequestListener(createForms(provider, database, config).fetch)
  const isOurs = new RegExp(`^${oidcPath}/(login/|invitation|me)([?]|$|(?<=/))`)
  return (request, response) => {
    if (isOurs.test(request.url!)) return forms(request, response)
    request.url = request.url!.slice(oidcPath.length)
    return library(request, response)
  }
}
