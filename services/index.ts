import { directoryService } from './directory/service.ts'
import { identityService } from './identity/service.ts'
import { leaveService } from './leave/service.ts'
import { lifecycleService } from './lifecycle/service.ts'
import { selfserviceService } from './selfservice/service.ts'
import { workforceService } from './workforce/service.ts'

/** All services, for what is derived from their declarations. */
export const services = [
  directoryService,
  identityService,
  leaveService,
  lifecycleService,
  selfserviceService,
  workforceService,
] as const
