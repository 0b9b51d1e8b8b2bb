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
const lines = (values.for ? [wanted] : names).flatMap((name) => {
  const { title, command, findings } = ways[name]
  const found = findings(facts)
  if (name === wanted && found.length > 0) process.exitCode = 1
  return found.length === 0
    ? [`✓ ${name}: ${title}`, `    ${command}`]
    : [`✗ ${name}: ${title}`, ...found.map(({ lacks, remedy }) => `    lacks ${lacks}\n      → ${remedy}`)]
})
process.stdout.write(`${lines.join('\n')}\n`)
