import { randomBytes } from 'node:crypto'
import { exec, type PodRef } from './kubernetes.ts'

/** An `x-request-id` that stays as it is: of a longer one a proxy changes a digit, by which it says why it traces. */
export const newRequestId = () => randomBytes(7).toString('hex')

/**
 * A `traceparent` of a trace that is not kept (https://www.w3.org/TR/trace-context/#sampled-flag): thousands of questions
 * would drive what people do out of Jaeger's memory.
 */
export const untraced = () => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`

export interface PodRequest {
  url: string
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: string
  /** Milliseconds after which it is given up; 5,000 unless told. */
  timeout?: number
}

export interface PodAnswer {
  /** 0 where there was no answer; then `error` says why. */
  status: number
  headers: Record<string, string>
  body: string
  ms: number
  error?: string
}

/** Runs in the pod: requests as JSON from standard input, ten at a time, answers as JSON to standard output. */
const client = `
import http from 'node:http'
let text = ''
for await (const chunk of process.stdin) text += chunk
const requests = JSON.parse(text)
// fetch would take three times the processor.
const agent = new http.Agent({ keepAlive: true })
const answers = []
let next = 0
// Without a length the body of a DELETE would be read as the next request.
const framed = (body) => body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
const ask = ({ url, timeout = 5000, body, headers, ...rest }) =>
  new Promise((resolve) => {
    const start = performance.now()
    const init = { ...rest, headers: { ...headers, ...framed(body) } }
    const end = (answer) => {
      clearTimeout(patience)
      resolve({ status: 0, headers: {}, body: '', ...answer, ms: performance.now() - start })
    }
    const fail = (error) => end({ error: [error.message, error.code].filter(Boolean).join(': ') })
    const request = http.request(url, { agent, ...init }, (response) => {
      let said = ''
      response.setEncoding('utf8').on('data', (data) => (said += data)).on('error', fail)
      response.on('end', () => end({ status: response.statusCode, headers: response.headers, body: said }))
    })
    const patience = setTimeout(() => request.destroy(new Error('no answer in time')), timeout)
    request.on('error', fail).end(body)
  })
async function work() {
  while (next < requests.length) {
    const index = next++
    answers[index] = await ask(requests[index])
  }
}
await Promise.all(Array.from({ length: 10 }, work))
agent.destroy()
console.log(JSON.stringify(answers))
`

/** Sends requests from inside a pod that has Node, as the workload that it is. */
export async function askFrom(pod: PodRef, requests: readonly PodRequest[]): Promise<PodAnswer[]> {
  const ask = () => exec(pod, ['node', '--input-type=module', '--eval', client], JSON.stringify(requests))
  // On a busy machine the API server now and then cuts a stream off: then all is asked again, once.
  const output = await ask().catch(() => '')
  return JSON.parse(output.endsWith('\n') ? output : await ask()) as PodAnswer[]
}

/** Evaluates a module in a pod that has Node; what it prints is answered. */
export const evaluateIn = (pod: PodRef, module: string, input?: string) =>
  exec(pod, ['node', '--input-type=module', '--eval', module], input)
