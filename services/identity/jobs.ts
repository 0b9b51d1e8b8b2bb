import type { Database } from '#kit/database.ts'
import type { JobsOptions } from '#kit/jobs.ts'
import { deleteExpired } from './store/expired.ts'

/** Tidies up; nothing depends on when it runs. */
export const identityJobs = (database: Database): JobsOptions => ({
  jobs: { 'delete-expired': (_payload, call) => database.unscoped(call, deleteExpired) },
  schedule: { 'delete-expired': '*/15 * * * *' },
})
