import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { type Environment, required } from '#kit/config.ts'
import type { RotationConfig } from './config.ts'

/** Sends one request, on a connection of its own so that any replica may get it. */
export type Ask = (
  url: string,
  options?: { method?: 'GET' | 'PATCH'; headers?: Record<string, string>; body?: string },
) => Promise<Answer>

export interface Answer {
  status: number
  body: string
}

/** All that a rotation touches. */
export interface Io {
  /** The API server; takes paths. */
  api: Ask
  mesh: Ask
  /** The edge; takes paths. */
  edge: Ask
  /** Milliseconds since the epoch. */
  now: () => number
  sleep: (ms: number) => Promise<void>
}

/** Where Kubernetes puts what a pod knows of the API server. */
const account = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Milliseconds; a probe that takes longer is one that failed. */
const patience = 10_000

export function clusterIo({ edge }: RotationConfig): Io {
  // Of plain HTTP the sidecar knows the way by the name inside, and says the other one itself.
  const host = edge.certificate ? { host: edge.host } : {}
  const server = apiServer()
  const api = asker(new Agent({ connect: { ca: readFileSync(`${account}/ca.crt`, 'utf8') } }))
  const ofEdge = asker(
    new Agent(
      // Asked by its address inside the cluster, it is known by the very certificate that it shows outside, for the
      // host that the request names.
      edge.certificate
        ? { connect: { ca: readFileSync(edge.certificate, 'utf8'), allowPartialTrustChain: true } }
        : {},
    ),
  )
  return {
    // Kubernetes renews the token while the pod runs.
    api: (path, options) =>
      api(`${server}${path}`, {
        ...options,
        headers: {
          ...options?.headers,
          authorization: `Bearer ${readFileSync(`${account}/token`, 'utf8').trim()}`,
        },
      }),
    mesh: asker(new Agent()),
    edge: (path, options) =>
      ofEdge(`${edge.url}${path}`, { ...options, headers: { ...options?.headers, ...host } }),
    now: Date.now,
    sleep: async (ms) => void (await sleep(ms)),
  }
}

/** By its address: of its names no certificate has all. */
function apiServer(env: Environment = process.env): string {
  const host = required(env, 'KUBERNETES_SERVICE_HOST')
  return `https://${host.includes(':') ? `[${host}]` : host}:${required(env, 'KUBERNETES_SERVICE_PORT')}`
}

/** What does not answer is a status too: 0, with the reason. */
function asker(dispatcher: Agent): Ask {
  return async (url, options = {}) => {
    try {
      const { statusCode, body } = await request(url, {
        ...options,
        dispatcher,
        reset: true,
        signal: AbortSignal.timeout(patience),
      })
      return { status: statusCode, body: await body.text() }
    } catch (error) {
      return { status: 0, body: (error as Error).message }
    }
  }
}
