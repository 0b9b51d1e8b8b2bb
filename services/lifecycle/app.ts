import type { Database } from '#kit/database.ts'
import { createApp } from '#kit/server.ts'
import { type Clients, connect } from './clients.ts'
import { lifecycleContract } from './contract.ts'
import { exportHandlers } from './exports.ts'
import { processHandlers } from './processes.ts'
import { tenantHandlers } from './tenants.ts'

export const createLifecycleApp = ({
  database,
  draining,
  clients = connect(),
}: {
  database: Database
  draining?: AbortSignal
  clients?: Clients
}) =>
  createApp(
    lifecycleContract,
    {
      ...tenantHandlers(database, clients),
      ...exportHandlers(database, clients),
      ...processHandlers(database, clients),
    },
    draining ? { draining } : {},
  )
