import { identityService } from './identity/service.ts'

/** All services, for what is derived from their declarations. */
export const services = [identityService] as const
