import type { Database } from '#kit/database.ts'
import type { JobsOptions } from '#kit/jobs.ts'
import { discardImport, runImport } from './imports/run.ts'

export const directoryJobs = (database: Database): JobsOptions => ({
  jobs: {
    'run-import': (payload, call) => runImport(database, call, String(payload.importId)),
    'discard-import': (payload, call) => discardImport(database, call, String(payload.importId)),
  },
})
