import { readFile } from 'node:fs/promises'
import { runMigrations } from 'graphile-worker'
import pg from 'pg'
import { openPool } from './pool.ts'
import { rolesOf } from './provision.ts'
import { kitMigrations, migrationFiles } from './schema-version.ts'

/**
 * Brings a database to the newest schema: the kit's migrations, the service's, the job queue's. Each file runs once,
 * in its own transaction; two migrators at a time wait for each other (advisory lock).
 */
export async function migrate(options: {
  service: string
  /** Folder of `001-name.sql` files. */
  migrations: URL
  /** Connection of the owner role. */
  ownerUrl: string
  /** Connection of the queue's role; without it there is no job queue. */
  workerUrl?: string
}): Promise<string[]> {
  const roles = rolesOf(options.service)
  const client = new pg.Client({ connectionString: options.ownerUrl })
  await client.connect()
  const applied: string[] = []
  try {
    await client.query(`select pg_advisory_lock(hashtext('staffmesh-migrate'))`)
    await client.query(
      `create table if not exists migration (
         unit text not null, name text not null, at timestamptz not null default now(), primary key (unit, name))`,
    )
    await client.query(
      `grant usage on schema public to ${roles.app}, ${roles.worker}; grant select on migration to ${roles.app}`,
    )
    for (const [unit, folder] of [
      ['kit', kitMigrations],
      [options.service, options.migrations],
    ] as const) {
      const done = await client.query<{ name: string }>('select name from migration where unit = $1', [unit])
      const names = new Set(done.rows.map((row) => row.name))
      for (const file of await migrationFiles(folder)) {
        if (names.has(file)) continue
        const sql = (await readFile(new URL(file, folder), 'utf8'))
          .replaceAll('{app}', roles.app)
          .replaceAll('{worker}', roles.worker)
        try {
          await client.query(
            `begin; ${sql}; insert into migration (unit, name) values ('${unit}', '${file}'); commit`,
          )
        } catch (error) {
          await client.query('rollback')
          throw new Error(
            `${options.service}: migration ${unit}/${file} failed: ${(error as Error).message}`,
            {
              cause: error,
            },
          )
        }
        applied.push(`${unit}/${file}`)
      }
    }
    if (options.workerUrl) await migrateQueue(options.workerUrl, roles.app)
  } finally {
    await client.end()
  }
  return applied
}

/**
 * The queue's tables belong to the worker role and have row-level security without policies, so the app role reaches
 * them only by this function, which runs as its owner.
 */
async function migrateQueue(workerUrl: string, app: string): Promise<void> {
  const pool = openPool({ connectionString: workerUrl, max: 2 })
  try {
    await runMigrations({ pgPool: pool })
    await pool.query(
      `create or replace function graphile_worker.enqueue_job(
         task text, payload jsonb, run_at timestamptz, job_key text) returns void
       language sql security definer set search_path = graphile_worker, pg_temp
       begin atomic
         select graphile_worker.add_job(task, payload::json, run_at => coalesce(run_at, now()), job_key => job_key);
       end;
       revoke all on function graphile_worker.enqueue_job from public;
       grant usage on schema graphile_worker to ${app};
       grant execute on function graphile_worker.enqueue_job to ${app}`,
    )
  } finally {
    await pool.end()
  }
}
