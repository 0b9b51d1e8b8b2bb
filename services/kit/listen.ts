import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as arrivalsRead, setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Config } from './config.ts'
import { log } from './log.ts'

/**
 * Serves the app and its probes: /livez (the process runs), /startupz and /readyz (the schema is there, and the
 * process isn't draining).
 */
export async function listen(
  serve: RequestListener,
  config: Pick<Config, 'host' | 'port'>,
  ready: () => Promise<boolean>,
) {
  let isReady = true
  let askedAt = 0
  const root = new Hono()
  root.get('/livez', (c) => c.text('ok'))
  root.get('/startupz', async (c) => ((await ready()) ? c.text('ok') : c.text('waiting for the schema', 503)))
  root.get('/readyz', async (c) =>
    isReady && (await ready()) ? c.text('ok') : c.text(isReady ? 'waiting for the schema' : 'draining', 503),
  )
  const probes = getRequestListener(root.fetch)
  const open = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    open.add(response)
    response.on('close', () => open.delete(response))
    if (!isReady) lastOn(response)
    const isProbe = request.url === '/livez' || request.url === '/readyz' || request.url === '/startupz'
    if (!isProbe) askedAt = performance.now()
    void (isProbe ? probes : serve)(request, response)
  })
  // What clients are told is less than a drain's pause, in which all others are told to close: none reuses a connection
  // that we close. Proxies don't heed it; with the buffer it is above the idle timeout of Envoy's upstream connections
  // (1 hour): the proxy closes first, never we under a request.
  server.keepAliveTimeout = 4000
  server.keepAliveTimeoutBuffer = 3_660_000
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(config.port, config.host, resolve)
  })
  return {
    server,
    /** The one that was asked for, or a free one where that was 0. */
    port: (server.address() as AddressInfo).port,
    /**
     * Leaves so that no caller notices: not ready, so that proxies send elsewhere; when that has had its time, streams
     * end; when nobody has asked for a while, no connection is taken any more; the open requests are answered.
     *
     * @param pause milliseconds in which proxies usually learn of it; those of a busy cluster get up to three times that
     */
    async drain(pause = 0, endStreams: () => void = () => {}): Promise<void> {
      const begun = performance.now()
      isReady = false
      for (const response of open) lastOn(response)
      await sleep(pause / 2)
      endStreams()
      const quiet = pause / 2
      let since = performance.now()
      while (performance.now() - since < quiet && performance.now() - begun < 3 * pause) {
        await sleep(Math.max(1, since + quiet - performance.now()))
        since = Math.max(since, askedAt)
      }
      await close(server)
    },
  }
}

/** Tells the other side to send no further request on this connection. */
function lastOn(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

/**
 * Takes no more connections, and ends when the open requests are answered. What has arrived is read first: a connection
 * with a request on it is not idle.
 */
async function close(server: Server): Promise<void> {
  await arrivalsRead()
  const closed = new Promise((resolve) => server.close(resolve))
  // Those that become idle only now would otherwise be kept alive.
  const idle = setInterval(() => arrivalsRead().then(() => server.closeIdleConnections()), 100)
  await closed
  clearInterval(idle)
}

/** Shuts down once, on SIGTERM, SIGINT, or (where asked) when the launcher's pipe on stdin closes. */
export function onShutdown(
  config: Pick<Config, 'grace' | 'exitWithParent'>,
  shutdown: () => Promise<void>,
): void {
  let begun = false
  const begin = async (reason: string) => {
    if (begun) return
    begun = true
    log.info({ reason }, 'shutting down')
    // Should something hang, the process still ends within its grace period.
    setTimeout(() => process.exit(1), config.grace).unref()
    await shutdown().catch((error) => {
      log.error({ err: error }, 'the shutdown failed')
      process.exitCode = 1
    })
    if (config.exitWithParent) process.stdin.destroy()
  }
  // What nobody handles is a bug, and the state after it unknown: the process ends, but not under its open requests.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error) => {
      log.fatal({ err: error }, event)
      process.exitCode = 1
      void begin(event)
    })
  process.on('SIGTERM', () => void begin('SIGTERM'))
  process.on('SIGINT', () => void begin('SIGINT'))
  if (config.exitWithParent) process.stdin.on('end', () => void begin('launcher gone')).resume()
}
