import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { services } from '../services/index.ts'
import { manifestsOf, writeManifests } from './app.ts'
import { environmentOf } from './environments.ts'
import { helmValuesOf } from './helm-values.ts'

try {
  const { values } = parseArgs({
    options: {
      env: { type: 'string' },
      out: { type: 'string' },
      jwks: { type: 'string' },
      // Of no use but to Tilt, which builds the images for it.
      development: { type: 'boolean', default: false },
    },
  })
  const environment = { ...environmentOf(values.env), development: values.development }
  const jwks = values.jwks ? await readFile(values.jwks, 'utf8') : '{"keys":[]}'
  const folder = values.out ?? `dist/${environment.name}`
  const manifests = await manifestsOf(services, environment, jwks)
  await writeManifests(manifests, helmValuesOf(services, environment), folder)
  const objects = [...manifests.values()].reduce((sum, list) => sum + list.length, 0)
  if (!values.jwks)
    process.stderr.write(
      'Without --jwks no token will be valid, and a cluster with keys refuses it: docs/deploy.md says where they are\n',
    )
  process.stdout.write(`${objects} objects in ${manifests.size} files: ${folder}\n`)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
