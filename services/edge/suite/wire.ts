import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { kitProblems, problemBase } from '#kit/problem.ts'

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
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

/** Sends one request on a connection of its own, headers and path as given. */
export function ask(base: string, { method = 'GET', path, token, headers = {}, body }: Asked) {
  return new Promise<Answer>((resolve, reject) => {
    const { hostname, port } = new URL(base)
    const sent = request({
      hostname,
      port,
      method,
      path,
      agent: false,
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    })
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
    const { hostname, port } = new URL(base)
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
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
