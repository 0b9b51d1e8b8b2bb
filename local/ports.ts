import { once } from 'node:events'
import { createServer } from 'node:net'

/** Whether a server can listen on the port of the loopback address now. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  } finally {
    server.close()
  }
}

/**
 * Ports to hand to processes that are about to start. From below the range that systems take outgoing
 * connections from (32768 and up), so that none of those gets in between.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  const first = 20_000 + Math.floor(Math.random() * 10_000)
  for (let port = first; ports.length < count; port++) {
    if (port === first + 2000) throw new Error(`No ${count} free ports between ${first} and ${port}`)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}
