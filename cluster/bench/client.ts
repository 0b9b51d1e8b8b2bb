/** One kind of request, sent at a fixed rate. */
export interface Load {
  url: string
  method: string
  headers: Readonly<Record<string, string>>
  body?: string
  /** Requests a second, sent at their times whether or not earlier ones have been answered. */
  rate: number
  seconds: number
}

export interface Measured {
  /** Milliseconds of every request. */
  ms: number[]
  /** How many were not answered with 2xx. */
  failed: number
  /** Milliseconds of processor that the asking took. */
  cpu: number
}

/** A module for Node, here or in a pod: reads a `Load` from standard input and prints what it `Measured`. */
export const client = `
let text = ''
for await (const chunk of process.stdin) text += chunk
const { rate, seconds, url, ...init } = JSON.parse(text)
const ms = []
let failed = 0
async function once() {
  const start = performance.now()
  try {
    const response = await fetch(url, init)
    await response.arrayBuffer()
    if (!response.ok) failed++
  } catch {
    failed++
  }
  ms.push(performance.now() - start)
}
const begin = performance.now()
const sent = []
for (let index = 0; index < rate * seconds; index++) {
  const wait = begin + (index * 1000) / rate - performance.now()
  if (wait > 0) await new Promise((resume) => setTimeout(resume, wait))
  sent.push(once())
}
await Promise.all(sent)
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ ms, failed, cpu: (user + system) / 1000 }))
`
