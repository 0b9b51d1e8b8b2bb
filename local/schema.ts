import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { services } from '../services/index.ts'
import { migrate } from '../services/kit/migrate.ts'
import { provision } from '../services/kit/provision.ts'
import { dumpSchema } from '../services/kit/schema-dump.ts'
import { forgetful, startPostgres } from './postgres.ts'

/**
 * Writes what the migrations of each service make of an empty database into `services/<name>/schema.sql`; with
 * `--check` compares instead.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const dataDir = await mkdtemp(join(tmpdir(), 'staffmesh-schema-'))
// PostgreSQL may run under another account.
await chmod(dataDir, 0o711)
const postgres = await startPostgres({ dataDir, settings: forgetful, ephemeral: true })
try {
  for (const { name } of services.filter((service) => service.database)) {
    const folder = new URL(`../services/${name}/`, import.meta.url)
    const schema = await schemaOf(name, new URL('migrations/', folder))
    const file = new URL('schema.sql', folder)
    if (!values.check) await writeFile(file, schema)
    else if (schema !== (await readFile(file, 'utf8').catch(() => ''))) {
      console.error(`services/${name}/schema.sql is not what its migrations make: npm run schema`)
      process.exitCode = 1
    }
  }
} finally {
  await postgres.stop()
  await rm(dataDir, { recursive: true, force: true })
}

async function schemaOf(service: string, migrations: URL): Promise<string> {
  const urls = await provision({
    superuserUrl: postgres.superuserUrl,
    service,
    passwords: { owner: 'owner', app: 'app', worker: 'worker' },
  })
  await migrate({ service, migrations, ownerUrl: urls.owner, workerUrl: urls.worker })
  const client = new pg.Client({ connectionString: urls.owner })
  await client.connect()
  try {
    return await dumpSchema(
      async <R extends object>(text: string, values?: unknown[]) =>
        (await client.query<R>(text, values)).rows,
    )
  } finally {
    await client.end()
  }
}
