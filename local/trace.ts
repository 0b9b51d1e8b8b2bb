/** Prints one trace of a run with `--observe` as a tree, or lists the latest ones. */
import { parseArgs } from 'node:util'
import { openDataDir } from './data-dir.ts'
import { readSpans, spanFiles } from './observe-spans.ts'
import { latest, storyOf } from './observe-tree.ts'

const usage = 'Usage: npm run -s trace -- [<trace id | x-request-id>] [--data-dir <folder>]'

async function main(): Promise<string> {
  const { values, positionals } = parseArgs({
    options: { 'data-dir': { type: 'string' } },
    allowPositionals: true,
  })
  const [id, ...more] = positionals
  if (more.length > 0) throw new Error(usage)
  const dataDir = await openDataDir(values['data-dir'])
  const spans = await readSpans(dataDir)
  if (spans.length === 0)
    throw new Error(
      `There are no traces in ${spanFiles(dataDir).current}. Start with: npm start -- --observe`,
    )
  if (id === undefined) return latest(spans, 15)
  const story = storyOf(id, spans)
  if (story === undefined)
    throw new Error(
      `No trace has the id ${id}, and no request of a trace had it. Spans come half a second after their end, and ` +
        'the oldest go in time. The latest: npm run -s trace',
    )
  return story
}

try {
  process.stdout.write(`${await main()}\n`)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
