import type { Service } from '#kit/service.ts'
import { budgets } from './budgets.ts'
import { keys, type Renewals } from './keys.ts'
import { mesh } from './mesh.ts'
import type { Group } from './rule.ts'
import { telemetry } from './telemetry.ts'
import { work } from './work.ts'

/** All rules of Prometheus: what is recorded of the services' promises, and who is called when. */
export const rules = (services: readonly Service[], renewals: Renewals): Group[] => [
  ...budgets(services),
  work(services),
  mesh(),
  telemetry(),
  ...keys(renewals),
]
