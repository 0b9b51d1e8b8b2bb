import type { PodRef } from './kubernetes.ts'
import { evaluateIn } from './requests.ts'

/** A request that is sent again and again, at so many a second. */
export interface Stream {
  url: string
  method?: string
  /** One after the other, each of another tenant. */
  headers: Record<string, string>[]
  body?: string
  perSecond: number
}

/** One answer: in which phase it was sent, its status, and the milliseconds that it took. */
export type Sample = [phase: number, status: number, ms: number]

/** Runs in the pod; counts the time from when a request was due. */
const client = `
import http from 'node:http'
let text = ''
for await (const chunk of process.stdin) text += chunk
const { streams, phases, seconds } = JSON.parse(text)
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
const samples = streams.map(() => [])
const open = new Set()
const start = performance.now()
function send(stream, index, number, due) {
  const { url, method, headers, body } = stream
  const phase = Math.floor(due / (seconds * 1000))
  const answered = new Promise((resolve) => {
    const options = { agent, method: method ?? 'GET', timeout: 5000, headers: headers[number % headers.length] }
    const request = http.request(url, options, (response) => {
      response.resume().on('end', () => resolve(response.statusCode)).on('error', () => resolve(0))
    })
    request.on('timeout', () => request.destroy()).on('error', () => resolve(0)).end(body)
  }).then((status) => {
    samples[index].push([phase, status, Math.round((performance.now() - start - due) * 10) / 10])
    open.delete(answered)
  })
  open.add(answered)
}
const sent = streams.map(() => 0)
await new Promise((resolve) => {
  const timer = setInterval(() => {
    const now = performance.now() - start
    streams.forEach((stream, index) => {
      const gap = 1000 / stream.perSecond
      for (; sent[index] * gap <= now; sent[index]++) {
        const due = sent[index] * gap
        const phase = Math.floor(due / (seconds * 1000))
        if (phase < phases.length && phases[phase].includes(index)) send(stream, index, sent[index], due)
      }
    })
    if (now > phases.length * seconds * 1000) {
      clearInterval(timer)
      resolve()
    }
  }, 2)
})
await Promise.all(open)
agent.destroy()
process.stdout.write(JSON.stringify(samples))
`

/**
 * Sends streams of requests from inside a pod at fixed rates, in phases of so many seconds. A phase names the streams
 * that flow in it, so that with and without somebody are compared in one run.
 */
export const neighbours = async (
  pod: PodRef,
  load: { streams: readonly Stream[]; phases: readonly (readonly number[])[]; seconds: number },
): Promise<Sample[][]> => JSON.parse(await evaluateIn(pod, client, JSON.stringify(load)))
