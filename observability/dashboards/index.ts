import type { Service } from '#kit/service.ts'
import { business } from './business.ts'
import { edge } from './edge.ts'
import { mesh } from './mesh.ts'
import { overview } from './overview.ts'
import { serviceDashboard } from './service.ts'
import { tenants } from './tenants.ts'

/** All dashboards, in the order in which one looks at them. */
export const dashboardsOf = (services: readonly Service[]) => [
  overview(services),
  mesh(services),
  edge(services),
  tenants(),
  business(),
  ...services.map(serviceDashboard),
]
