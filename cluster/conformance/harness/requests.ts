import { randomBytes } from 'node:crypto'
import { exec, type PodRef } from './kubernetes.ts'

/** An `x-request-id` that stays as it is: of a longer one a proxy changes a digit, by which it says why it traces. */
export const newRequestId = () => randomBytes(7).toString('hex')

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
let text = ''
for await (const chunk of process.stdin) text += chunk
const requests = JSON.parse(text)
const answers = []
let next = 0
async function work() {
  while (next < requests.length) {
    const index = next++
    const { url, timeout = 5000, ...init } = requests[index]
    const start = performance.now()
    try {
      const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(timeout) })
      answers[index] = {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
        ms: performance.now() - start,
      }
    } catch (error) {
      const why = [error.message, error.cause?.code ?? error.cause?.message].filter(Boolean).join(': ')
      answers[index] = { status: 0, headers: {}, body: '', ms: performance.now() - start, error: why }
    }
  }
}
await Promise.all(Array.from({ length: 10 }, work))
console.log(JSON.stringify(answers))
`

/** Sends requests from inside a pod that has Node, as the workload that it is. */
export async function askFrom(pod: PodRef, requests: readonly PodRequest[]): Promise<PodAnswer[]> {
  const output = await exec(pod, ['node', '--input-type=module', '--eval', client], JSON.stringify(requests))
  return JSON.parse(output) as PodAnswer[]
}

/** Evaluates a module in a pod that has Node; what it prints is answered. */
export const evaluateIn = (pod: PodRef, module: string, input?: string) =>
  exec(pod, ['node', '--input-type=module', '--eval', module], input)
