import { readdir } from 'node:fs/promises'
import type pg from 'pg'

export const kitMigrations = new URL('./migrations/', import.meta.url)

/** The files `001-name.sql` of a folder, in order. */
export async function migrationFiles(folder: URL): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  files.forEach((file, index) => {
    if (!new RegExp(`^${String(index + 1).padStart(3, '0')}-[a-z0-9-]+\\.sql$`).test(file))
      throw new Error(`${new URL(file, folder).pathname}: migrations are numbered 001-name.sql without gaps`)
  })
  return files
}

/** The version of the schema that the code needs, `kit.service`, e.g. `1.4`. */
export async function targetVersion(migrations: URL): Promise<string> {
  const [kit, own] = await Promise.all([migrationFiles(kitMigrations), migrationFiles(migrations)])
  return `${kit.length}.${own.length}`
}

/** Whether the database is at the schema that the code needs, or at a later one. */
export async function isMigrated(pool: pg.Pool, service: string, migrations: URL): Promise<boolean> {
  const needed = await Promise.all([migrationFiles(kitMigrations), migrationFiles(migrations)])
  const { rows } = await pool.query<{ unit: string; name: string }>('select unit, name from migration')
  const done = new Set(rows.map((row) => `${row.unit}/${row.name}`))
  return ['kit', service].every((unit, index) => needed[index]!.every((file) => done.has(`${unit}/${file}`)))
}
