import type { Hono } from 'hono'
import type { Database } from '#kit/database.ts'
import { serveFeed } from '#kit/events.ts'
import { type AppOptions, createApp } from '#kit/server.ts'
import { directoryContract } from './contract.ts'
import { employeeHandlers } from './handlers/employees.ts'
import { importHandlers } from './handlers/imports.ts'
import { organizationHandlers } from './handlers/organization.ts'
import { peopleHandlers } from './handlers/people.ts'
import { tenantHandlers } from './handlers/tenant.ts'

export const createDirectoryApp = (database: Database, options: AppOptions = {}): Hono =>
  createApp(
    directoryContract,
    {
      ...organizationHandlers(database),
      ...employeeHandlers(database),
      ...peopleHandlers(database),
      ...importHandlers(database),
      ...tenantHandlers(database),
      events: serveFeed(database),
    },
    options,
  )
