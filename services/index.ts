import { identityService } from './identity/service.ts'
import { workforceService } from './workforce/service.ts'

/** All services, for what is derived from their declarations. */
export const services = [identityService, workforceService] as const
