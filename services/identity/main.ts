import { run } from '#kit/process.ts'
import { constraints, migrations } from './schema.ts'
import { identityService, oidcPath } from './service.ts'

await run(identityService, {
  migrations,
  constraints,
  serve: async ({ database, draining }) => {
    const [{ createIdentityApp }, { readIdentityConfig }, { createOidcHandler }] = await Promise.all([
      import('./app.ts'),
      import('./config.ts'),
      import('./oidc/handler.ts'),
    ])
    const config = readIdentityConfig()
    return {
      fetch: createIdentityApp(database, config, { draining }).fetch,
      node: { prefix: oidcPath, handler: createOidcHandler(database, config) },
    }
  },
  work: async ({ database }) => (await import('./jobs.ts')).identityJobs(database),
})
