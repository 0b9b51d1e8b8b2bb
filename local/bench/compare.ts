import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Setup } from './bare.ts'
import { connections, load, type Request } from './load.ts'
import { cost } from './processes.ts'

export interface Rate {
  /** Requests in a second of wall time. */
  perSecond: number
  /** CPU milliseconds of server and database for one request. */
  cpu: number
  /** Milliseconds that a request takes, with as many at once as there are connections. */
  latency: number
}

export interface Comparison {
  ours: Rate
  bare: Rate
  /** How much as many requests ours does in a CPU second: the median of the rounds. */
  ratio: number
}

interface Sides {
  address: string
  next: (connection: number) => Request
  /** The processes that serve, PostgreSQL not counted. */
  servers: number[]
  postgres: number
  setup: Setup
}

const rounds = 7
const round = 1500

/** Ours and bare `pg` in turn, after both have warmed up, so that what disturbs the machine disturbs both. */
export async function compare({ address, next, servers, postgres, setup }: Sides): Promise<Comparison> {
  const bare = startBare(setup)
  const ours = (milliseconds: number) =>
    measure([...servers, postgres], () => load(address, next, milliseconds))
  const theirs = (milliseconds: number) => measure([bare.pid, postgres], () => bare.run(milliseconds))
  try {
    // Long enough for the compilers: they are through with the hot paths after some thousand requests.
    await ours(8000)
    await theirs(3000)
    const measured: { ours: Rate; bare: Rate; ratio: number }[] = []
    for (let n = 0; n < rounds; n++) {
      const [one, other] = [await ours(round), await theirs(round)]
      measured.push({ ours: one, bare: other, ratio: other.cpu / one.cpu })
    }
    return {
      ours: middle(measured.map((each) => each.ours)),
      bare: middle(measured.map((each) => each.bare)),
      ratio: median(measured.map((each) => each.ratio)),
    }
  } finally {
    bare.end()
  }
}

const middle = (rates: Rate[]): Rate => ({
  perSecond: median(rates.map((rate) => rate.perSecond)),
  cpu: median(rates.map((rate) => rate.cpu)),
  latency: median(rates.map((rate) => rate.latency)),
})

export const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

async function measure(roots: number[], work: () => Promise<number>): Promise<Rate> {
  let done = 0
  const { wall, cpu } = await cost(roots, async () => {
    done = await work()
  })
  return { perSecond: done / wall, cpu: (cpu * 1000) / done, latency: (wall * 1000 * connections) / done }
}

function startBare(setup: Setup) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./bare.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)
  child.stdin.write(`${JSON.stringify(setup)}\n`)
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`The process with bare pg ended with ${code}`)
  })
  failed.catch(() => {})
  return {
    pid: child.pid!,
    async run(milliseconds: number): Promise<number> {
      child.stdin.write(`${milliseconds}\n`)
      const [line] = (await Promise.race([once(lines, 'line'), failed])) as [string]
      return Number(line)
    },
    end: () => child.stdin.end(),
  }
}
