/**
 * A process that sends recorded statements with nothing but `pg`: what a service could reach at best. The first line
 * of standard input is a `Setup`; each further one is a time in milliseconds to go on for, and is answered with the
 * number of requests done.
 */
import { createInterface } from 'node:readline'
import pg from 'pg'
import { repetition, type Script } from './script.ts'

export interface Setup {
  url: string
  /** One for each connection. */
  scripts: Script[]
}

const lines = createInterface(process.stdin)[Symbol.asyncIterator]()
const { url, scripts } = JSON.parse((await lines.next()).value!) as Setup
const clients = await Promise.all(
  scripts.map(async () => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    return client
  }),
)
const turns = scripts.map(() => 0)

async function repeat(index: number, end: number): Promise<number> {
  let done = 0
  while (Date.now() < end) {
    for (const { text, name, parameters } of repetition(scripts[index]!, turns[index]!++))
      await clients[index]!.query(parameters ? { text, values: parameters, ...(name && { name }) } : text)
    done += scripts[index]!.requests
  }
  return done
}

for (let line = await lines.next(); !line.done; line = await lines.next()) {
  const end = Date.now() + Number(line.value)
  const counts = await Promise.all(scripts.map((_, index) => repeat(index, end)))
  process.stdout.write(`${counts.reduce((sum, count) => sum + count, 0)}\n`)
}
process.exit(0)
