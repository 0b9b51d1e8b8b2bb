import { parseArgs } from 'node:util'
import { gather } from './gather.ts'
import { ways } from './ways.ts'

/**
 * `npm run doctor`: what this machine lacks for each way of running the system, with what mends it. It ends with 0 where
 * the way of `--for` can be gone, without one where the local run can.
 */
const { values } = parseArgs({ options: { for: { type: 'string' } } })
const names = Object.keys(ways) as (keyof typeof ways)[]
const wanted = names.find((name) => name === (values.for ?? 'local'))
if (!wanted) {
  process.stderr.write(`--for ${values.for}: it can be --for ${names.join('|')}\n`)
  process.exit(1)
}
const facts = await gather()
for (const name of values.for ? [wanted] : names) {
  const { title, command, findings } = ways[name]
  const found = findings(facts)
  process.stdout.write(`${found.length === 0 ? '✓' : '✗'} ${name}: ${title}\n`)
  if (found.length === 0) process.stdout.write(`    ${command}\n`)
  for (const { lacks, remedy } of found) process.stdout.write(`    lacks ${lacks}\n      → ${remedy}\n`)
  if (name === wanted && found.length > 0) process.exitCode = 1
}
