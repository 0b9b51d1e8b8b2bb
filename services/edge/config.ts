import { type Environment, integer, required } from '#kit/config.ts'

/** The edge's configuration, read once at the start. */
export interface EdgeConfig {
  host: string
  port: number
  publicUrl: URL
  origins: string[]
  trustedProxies: number
  drainPause: number
  grace: number
  exitWithParent: boolean
}

export function readEdgeConfig(env: Environment = process.env): EdgeConfig {
  return {
    host: env.EDGE_HOST ?? '127.0.0.1',
    port: integer(env, 'PORT', 8080),
    publicUrl: originOf('PUBLIC_URL', required(env, 'PUBLIC_URL')),
    origins: (env.CORS_ORIGINS ?? '')
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((origin) => originOf('CORS_ORIGINS', origin).origin),
    trustedProxies: integer(env, 'TRUSTED_PROXIES', 0),
    drainPause: integer(env, 'DRAIN_PAUSE_MS', 0),
    grace: integer(env, 'SHUTDOWN_GRACE_MS', 25_000),
    exitWithParent: env.EXIT_WITH_PARENT === '1',
  }
}

function originOf(name: string, value: string): URL {
  const url = URL.parse(value)
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.hash)
    throw new Error(`${name}: ${value} is not an address such as https://hr.example.com`)
  return url
}
