import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { migrate } from '#kit/migrate.ts'
import { provision } from '#kit/provision.ts'
import { csv } from '../seed/csv.ts'
import { type Country, nameIn } from '../seed/names.ts'
import { sites } from '../seed/organization.ts'
import { randomFrom } from '../seed/random.ts'
import { once } from './load.ts'
import { type Cost, cost, peakResident } from './processes.ts'
import type { Company, World } from './world.ts'

const directoryMigrations = new URL('../../services/directory/migrations/', import.meta.url)

export interface ImportResult {
  rows: number
  ours: Cost
  copy: Cost
  /** Rows that the import wrote, over all tables. */
  written: number
  /** Megabytes resident at most, of the service that takes the file and of the worker that imports it. */
  peak: { directory: number; worker: number }
}

/** Employees as a file: names of all scripts, a reporting tree in which each manager has ten reports. */
export function employeesFile(count: number): string {
  const random = randomFrom(1)
  const countries = Object.keys(sites) as Country[]
  const rows = Array.from({ length: count }, (_, index) => {
    const country = random.pick(countries)
    const { given, family, order, latin } = nameIn(country, random)
    const manager = Math.floor((index - 1) / 10)
    return {
      employeeNumber: `B${index}`,
      givenName: given,
      familyName: family,
      nameOrder: order,
      email: `${latin}.${index}@bench.example`,
      birthDate: `19${random.between(60, 99)}-0${random.between(1, 9)}-1${random.between(0, 9)}`,
      joinsOn: '2020-01-01',
      manager: index === 0 ? undefined : `B${manager}`,
      location: sites[country].location,
      timeZone: sites[country].timeZone,
      jobTitle: 'Engineer',
    }
  })
  return csv(Object.keys(rows[0]!) as (keyof (typeof rows)[number])[], rows)
}

/** The time of an import through the service, and that of nothing but COPY of the rows that it has written. */
export async function measureImport(world: World, company: Company, rows: number): Promise<ImportResult> {
  const { pids } = world
  const file = employeesFile(rows)
  const ours = await cost([pids.directory, pids.directoryWorker, pids.postgres], () =>
    load(world, company, file),
  )
  const peak = { directory: peakResident(pids.directory), worker: peakResident(pids.directoryWorker) }
  return { rows, ours, peak, ...(await measureCopy(world)) }
}

async function load({ addresses: { directory } }: World, { headers }: Company, file: string): Promise<void> {
  const scope = { reach: 'all' }
  const ask = async (operation: string, input: object) =>
    (await once(directory, {
      method: 'POST',
      path: `/${operation}`,
      headers: { ...headers, 'idempotency-key': operation },
      body: JSON.stringify(input),
    })) as { id: string; state: string; progress: { created: number; failed: number } }

  const { id: importId } = await ask('createImport', { kind: 'employees', options: { dryRun: false }, scope })
  await once(directory, {
    method: 'POST',
    path: `/uploadImportFile?importId=${importId}`,
    headers: { ...headers, 'content-type': 'text/csv', 'idempotency-key': importId },
    body: file,
  })
  await ask('startImport', { importId, scope })
  for (;;) {
    const { state, progress } = await ask('getImport', { importId, scope })
    if (state === 'completed' && progress.failed === 0) return
    if (!/queued|running|completed/.test(state) || progress.failed > 0)
      throw new Error(`The import ${state}: ${JSON.stringify(progress)}`)
    await sleep(100)
  }
}

/** Tables that an import keeps its own state in, or that are the same in every database. */
const bookkeeping = /^(import|idempotency|migration|feed)/

/** Fills a database that has the same tables, indexes, constraints and triggers, by COPY from files at the server. */
async function measureCopy({ superuser, urlOf, pids }: World): Promise<{ copy: Cost; written: number }> {
  const passwords = { owner: 'bench', app: 'bench', worker: 'bench' }
  const { owner } = await provision({ superuserUrl: urlOf('postgres'), service: 'copied', passwords })
  await migrate({ service: 'copied', migrations: directoryMigrations, ownerUrl: owner })
  const { rows: setting } = await superuser.query<{ data_directory: string }>('show data_directory')
  const fileOf = (table: string) => `'${setting[0]!.data_directory}/${table}.copy'`

  const source = new pg.Client({ connectionString: urlOf('directory') })
  const target = new pg.Client({ connectionString: urlOf('copied') })
  await Promise.all([source.connect(), target.connect()])
  try {
    const tables = await tablesInOrder(source)
    let written = 0
    for (const table of tables)
      written += (await source.query(`copy ${table} to ${fileOf(table)}`)).rowCount ?? 0
    const copy = await cost([pids.postgres], async () => {
      await target.query('begin')
      for (const table of tables) await target.query(`copy ${table} from ${fileOf(table)}`)
      await target.query('commit')
    })
    return { copy, written }
  } finally {
    await Promise.all([source.end(), target.end()])
  }
}

/** The tables with rows of the import, each after those that it refers to. */
async function tablesInOrder(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; references: string[] }>(
    `select relname as name, array(
       select confrelid::regclass::text from pg_constraint
       where conrelid = c.oid and contype = 'f' and not condeferrable and confrelid <> c.oid) as references
     from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname`,
  )
  const left = rows.filter(({ name }) => !bookkeeping.test(name))
  const ordered: string[] = []
  while (left.length > 0) {
    const next = left.findIndex((table) =>
      table.references.every((other) => !left.some(({ name }) => name === other && name !== table.name)),
    )
    if (next < 0) throw new Error(`Tables refer to each other in a circle: ${left.map(({ name }) => name)}`)
    ordered.push(...left.splice(next, 1).map(({ name }) => name))
  }
  return ordered
}
