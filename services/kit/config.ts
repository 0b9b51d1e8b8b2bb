import type { Service } from './service.ts'

/** A process's configuration, read once at the start. There are no default secrets. */
export interface Config {
  host: string
  port: number
  databaseUrl?: string
  workerUrl?: string
  /** Milliseconds between "not ready" and closing, in which proxies stop sending. */
  drainPause: number
  /** Milliseconds in which a shutdown must end. */
  grace: number
  /** Ends when the launcher that holds its stdin does. */
  exitWithParent: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * `IDENTITY_HEADERS` says who vouches for the identity headers: `mesh` (the sidecar has verified the token) or
 * `loopback` (the local edge has, and nobody else reaches 127.0.0.1). Without that word a service refuses to start.
 */
export function readConfig(
  service: Service,
  mode: 'serve' | 'worker',
  env: Environment = process.env,
): Config {
  const vouched = env.IDENTITY_HEADERS
  if (vouched !== 'mesh' && vouched !== 'loopback')
    throw new Error('IDENTITY_HEADERS must say who vouches for the identity headers: mesh or loopback')
  return {
    host: vouched === 'loopback' ? '127.0.0.1' : '0.0.0.0',
    port: integer(env, 'PORT', 8080),
    ...(service.database ? { databaseUrl: required(env, 'DATABASE_URL') } : {}),
    ...(mode === 'worker' ? { workerUrl: required(env, 'QUEUE_DATABASE_URL') } : {}),
    drainPause: integer(env, 'DRAIN_PAUSE_MS', vouched === 'mesh' ? 5000 : 0),
    grace: integer(env, 'SHUTDOWN_GRACE_MS', 25_000),
    exitWithParent: env.EXIT_WITH_PARENT === '1',
  }
}

/** What `main.ts migrate` needs. */
export function readMigrationConfig(service: Service, env: Environment = process.env) {
  return {
    ownerUrl: required(env, 'DATABASE_OWNER_URL'),
    workerUrl: service.worker ? required(env, 'QUEUE_DATABASE_URL') : undefined,
  }
}

export function required(env: Environment, name: string): string {
  const value = env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

export function integer(env: Environment, name: string, byDefault: number): number {
  const value = env[name]
  if (value === undefined) return byDefault
  if (!/^\d+$/.test(value)) throw new Error(`${name} must be a whole number, not ${value}`)
  return Number(value)
}
