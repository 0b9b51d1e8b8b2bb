import { addressOf } from '#kit/client.ts'
import { listen, onShutdown } from '#kit/listen.ts'
import { log } from '#kit/log.ts'
import { startTelemetry } from '#kit/telemetry-sdk.ts'
import { oidcPath } from '../identity/service.ts'
import { services } from '../index.ts'
import { readEdgeConfig } from './config.ts'
import { docsPages } from './docs.ts'
import { Edge, harden } from './edge.ts'

async function run(): Promise<void> {
  const config = readEdgeConfig()
  const telemetry = await startTelemetry('edge')
  const issuer = `${config.publicUrl.origin}${oidcPath}`
  const edge = new Edge({
    services,
    addressOf,
    publicUrl: config.publicUrl,
    issuer,
    jwks: new URL(`${oidcPath}/jwks`, addressOf('identity')),
    origins: config.origins,
    trustedProxies: config.trustedProxies,
    pages: docsPages(services, config.publicUrl, issuer),
  })
  const listening = await listen(edge.listener, config, edge.isReady)
  harden(listening.server, edge.listener)
  log.info({ service: 'edge', host: config.host, port: config.port }, 'listening')
  onShutdown(config, async () => {
    await listening.drain(config.drainPause, () => edge.endStreams())
    await edge.close()
    await telemetry.stop()
  })
}

run().catch((error: Error) => {
  log.fatal({ service: 'edge', err: error }, 'cannot start')
  process.stderr.write(`edge cannot start: ${error.message}\n`)
  process.exitCode = 1
})
