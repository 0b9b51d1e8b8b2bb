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
  tasks: {
    rotate: async () => {
      const [{ readRotationConfig }, { clusterIo }, { rotate }] = await Promise.all([
        import('./rotation/config.ts'),
        import('./rotation/io.ts'),
        import('./rotation/rotate.ts'),
      ])
      // Killed anywhere it goes on from there; the first process of a container would ignore the signal.
      process.once('SIGTERM', () => process.exit(1))
      const config = readRotationConfig()
      await rotate(config, clusterIo(config))
    },
  },
  work: async ({ database }) => (await import('./jobs.ts')).identityJobs(database),
})
