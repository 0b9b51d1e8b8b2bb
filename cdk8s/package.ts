import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chartName, helmChart, writeChart } from '../charts/helm/chart.ts'
import project from '../package.json' with { type: 'json' }
import { services } from '../services/index.ts'
import { environments } from './environments.ts'

/** Writes a Helm chart of what `npm run synth` writes for each environment. */
try {
  const { values } = parseArgs({ options: { out: { type: 'string' }, jwks: { type: 'string' } } })
  const folder = join(values.out ?? 'dist/helm', chartName)
  const jwks = values.jwks ? await readFile(values.jwks, 'utf8') : '{"keys":[]}'
  const files = await helmChart(services, Object.values(environments), jwks, project.version)
  await writeChart(files, folder)
  process.stdout.write(`${files.size} files: ${folder}\n`)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
