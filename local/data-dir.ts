import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { barrierTo, makeDataDir } from './postgres.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/**
 * The given folder, or `.local` in the checkout. Where root works in a checkout that PostgreSQL's account may
 * not enter (below /root), the data lie in /var/lib instead.
 */
export async function openDataDir(given: string | undefined): Promise<string> {
  const dataDir = given ? resolve(given) : await defaultDataDir()
  await makeDataDir(dataDir)
  return dataDir
}

async function defaultDataDir(): Promise<string> {
  if (!(await barrierTo(checkout))) return join(checkout, '.local')
  const mark = createHash('sha256').update(checkout).digest('hex').slice(0, 8)
  return `/var/lib/staffmesh/${basename(checkout)}-${mark}`
}

/** Deletes what a run has created, and nothing else that may lie in the folder. */
export async function clearDataDir(dataDir: string): Promise<void> {
  const ours = [
    'cluster',
    'cluster.new',
    'postgres.log',
    'superuser-password',
    'secrets',
    'demo.json',
    'first-start-unfinished',
    'logs',
  ]
  for (const name of ours) await rm(join(dataDir, name), { recursive: true, force: true })
}
