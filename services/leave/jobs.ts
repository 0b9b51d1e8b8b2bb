import type { Database } from '#kit/database.ts'
import type { JobsOptions } from '#kit/jobs.ts'
import { type Clock, systemClock } from './clock.ts'

export const leaveJobs = (_database: Database, _clock: Clock = systemClock): JobsOptions => ({
  jobs: {},
})
