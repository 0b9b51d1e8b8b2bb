import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import { text } from 'node:stream/consumers'
import * as tls from 'node:tls'
import { expect } from 'vitest'
import { kitProblems, problemBase } from '#kit/problem.ts'

export interface Answer {
  status: number
  headers: http.IncomingMessage['headers']
  body: string
}

interface Asked {
  method?: string
  /** The path exactly as sent: nothing makes it canonical. */
  path: string
  token?: string
  headers?: Record<string, string>
  body?: string
}

/** Opens a request on a connection of its own; the path is sent exactly as given. */
export function open(base: string, options: http.RequestOptions): http.ClientRequest {
  const { protocol, hostname, port } = new URL(base)
  const { request } = protocol === 'https:' ? https : http
  return request({ hostname, port, agent: false, ...options })
}

/** Sends one request, headers and path as given. */
export function ask(base: string, { method = 'GET', path, token, headers = {}, body }: Asked) {
  return new Promise<Answer>((resolve, reject) => {
    const authorization = token ? { authorization: `Bearer ${token}` } : {}
    const sent = open(base, { method, path, headers: { ...authorization, ...headers } })
    sent.on('error', reject)
    sent.on('response', async (response) =>
      resolve({ status: response.statusCode!, headers: response.headers, body: await text(response) }),
    )
    sent.end(body)
  })
}

/** Writes bytes on a bare socket; resolves with all that comes back until the edge closes. */
export function write(base: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { protocol, hostname: host, port } = new URL(base)
    const begin = () => socket.write(bytes)
    const socket =
      protocol === 'https:'
        ? tls.connect({ host, port: Number(port || 443), servername: host }, begin)
        : net.connect({ host, port: Number(port || 80) }, begin)
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
  })
}

/** The answer is this problem document, and nothing of the inside shows in it. */
export function expectProblem(answer: Answer, code: keyof typeof kitProblems): void {
  expect(answer).toMatchObject({
    status: kitProblems[code].status,
    headers: { 'content-type': expect.stringMatching(/^application\/problem\+json/) },
  })
  expect(JSON.parse(answer.body)).toMatchObject({ type: problemBase + code, ...kitProblems[code] })
  expect(answer.headers).not.toHaveProperty('x-powered-by')
}
