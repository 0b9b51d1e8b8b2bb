import type { Hono } from 'hono'
import type { Database } from '#kit/database.ts'
import { serveFeed } from '#kit/events.ts'
import { type AppOptions, createApp, type Handlers } from '#kit/server.ts'
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
): Hono => {
  const handlers = {
    ...configurationHandlers(database, clock),
    ...scheduleHandlers(database, clock),
    ...accountHandlers(database, clock),
    ...requestHandlers(database, clock),
    ...delegationHandlers(database, clock),
    ...peopleHandlers(database, clock),
    events: serveFeed(database),
  }
  // Operations come in one after the other; the service is not among those that are deployed until all are there.
  const operations = Object.fromEntries(
    Object.entries(leaveContract.operations).filter(([name]) => Object.hasOwn(handlers, name)),
  ) as (typeof leaveContract)['operations']
  return createApp(
    { ...leaveContract, operations },
    handlers as unknown as Handlers<typeof operations>,
    options,
  )
}
