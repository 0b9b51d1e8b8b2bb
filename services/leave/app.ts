import type { Hono } from 'hono'
import type { Database } from '#kit/database.ts'
import { serveFeed } from '#kit/events.ts'
import { type AppOptions, createApp } from '#kit/server.ts'
import { type Clock, systemClock } from './clock.ts'
import { leaveContract } from './contract.ts'
import { accountHandlers } from './handlers/accounts.ts'
import { configurationHandlers } from './handlers/configuration.ts'
import { delegationHandlers } from './handlers/delegations.ts'
import { peopleHandlers } from './handlers/people.ts'
import { requestHandlers } from './handlers/requests.ts'
import { scheduleHandlers } from './handlers/schedules.ts'

export const createLeaveApp = (
  database: Database,
  clock: Clock = systemClock,
  options: AppOptions = {},
): Hono =>
  createApp(
    leaveContract,
    {
      ...configurationHandlers(database, clock),
      ...scheduleHandlers(database, clock),
      ...accountHandlers(database, clock),
      ...requestHandlers(database, clock),
      ...delegationHandlers(database, clock),
      ...peopleHandlers(database, clock),
      events: serveFeed(database),
    },
    options,
  )
