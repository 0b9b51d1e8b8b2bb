import type { Handlers } from '#kit/server.ts'
import type { Clients } from '../clients.ts'
import type { organizationOperations } from '../contract/organization.ts'
import { scoped } from '../scoped.ts'

export const organizationHandlers = (
  directory: Clients['directory'],
): Handlers<typeof organizationOperations> => ({
  getOrgTree: (input, call) => directory(call).getOrgTree(scoped(input, call)),
  createOrgUnit: (input, call) => directory(call).createOrgUnit(scoped(input, call)),
  getOrgUnit: (input, call) => directory(call).getOrgUnit(scoped(input, call)),
  changeOrgUnit: (input, call) => directory(call).changeOrgUnit(scoped(input, call)),
  closeOrgUnit: (input, call) => directory(call).closeOrgUnit(scoped(input, call)),
  listPositions: (input, call) => directory(call).listPositions(scoped(input, call)),
  createPosition: (input, call) => directory(call).createPosition(scoped(input, call)),
  getPosition: (input, call) => directory(call).getPosition(scoped(input, call)),
  changePosition: (input, call) => directory(call).changePosition(scoped(input, call)),
  getOrganizationAuditTrail: (input, call) => directory(call).getAuditTrail(scoped(input, call)),
})
