import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Edge, type EdgeOptions, harden } from './edge.ts'

export interface Running {
  url: string
  server: Server
  close(): Promise<void>
}

/** Serves on a free port of this machine. */
export async function serveOn(listener: RequestListener): Promise<Running> {
  const server = createServer(listener)
  // As in the kit's listen.ts: the caller closes idle connections first, however busy this process is.
  server.keepAliveTimeout = 3_660_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface RunningEdge extends Running {
  edge: Edge
}

/** An edge in this process, in front of services at the given addresses. */
export async function serveEdge(
  options: Omit<EdgeOptions, 'addressOf' | 'publicUrl'> & {
    addresses: Record<string, string>
    publicUrl?: URL
  },
): Promise<RunningEdge> {
  const edge = new Edge({
    publicUrl: new URL('https://hr.example.com'),
    ...options,
    addressOf: (service) => options.addresses[service]!,
  })
  const running = await serveOn(edge.listener)
  harden(running.server, edge.listener)
  return {
    ...running,
    edge,
    async close() {
      await edge.close()
      await running.close()
    },
  }
}
