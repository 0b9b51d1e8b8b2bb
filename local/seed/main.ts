/**
 * The seed as a process of its own, so that the launcher does not keep it in memory: reads `Seeding` as JSON from
 * standard input and answers with `Demo` as JSON on standard output.
 */
import { text } from 'node:stream/consumers'
import { type Seeding, seedDemo } from './seed.ts'

try {
  const demo = await seedDemo(JSON.parse(await text(process.stdin)) as Seeding)
  process.stdout.write(JSON.stringify(demo))
  // The clients keep their connections open.
  process.exit(0)
} catch (error) {
  const { message, details } = error as Error & { details?: object }
  process.stderr.write(`${message} ${details ? JSON.stringify(details) : ''}\n`)
  process.exit(1)
}
