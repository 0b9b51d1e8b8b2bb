import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, pageOf } from '#kit/schemas.ts'
import { directoryContract } from '../../directory/contract.ts'
import { auditEntry } from './employees.ts'
import { flag } from './query.ts'

const {
  createOrgUnit,
  changeOrgUnit,
  closeOrgUnit,
  getOrgUnit,
  getOrgTree,
  createPosition,
  changePosition,
  getPosition,
  listPositions,
  getAuditTrail,
} = directoryContract.operations

const orgUnit = getOrgUnit.output.meta({ id: 'OrgUnit' })
const position = getPosition.output.meta({ id: 'Position' })

/** How the company is built is no secret to those who work there; their scope says only whose people they see. */
const readers = { 'hr-admin': 'all', manager: 'reports', employee: 'self' } as const
const admins = { 'hr-admin': 'all' } as const

/** Org units and positions. */
export const organizationOperations = {
  getOrgTree: query({
    summary: getOrgTree.summary,
    deadline: 5000,
    route: { method: 'GET', path: '/v1/org-units' },
    roles: readers,
    input: getOrgTree.input.omit({ scope: true }),
    output: getOrgTree.output,
    errors: getOrgTree.errors,
  }),
  createOrgUnit: command({
    summary: createOrgUnit.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/org-units', status: 201 },
    roles: admins,
    tenantWide: true,
    input: createOrgUnit.input.omit({ scope: true }),
    output: orgUnit,
    errors: createOrgUnit.errors,
  }),
  getOrgUnit: query({
    summary: getOrgUnit.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/org-units/{orgUnitId}' },
    roles: readers,
    input: getOrgUnit.input.omit({ scope: true }),
    output: orgUnit,
    errors: getOrgUnit.errors,
  }),
  changeOrgUnit: command({
    summary: changeOrgUnit.summary,
    deadline: 5000,
    route: { method: 'PATCH', path: '/v1/org-units/{orgUnitId}', ifMatch: 'expectedVersion' },
    roles: admins,
    tenantWide: true,
    input: changeOrgUnit.input.omit({ scope: true }),
    output: orgUnit,
    errors: changeOrgUnit.errors,
  }),
  closeOrgUnit: command({
    summary: closeOrgUnit.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/org-units/{orgUnitId}/closure', ifMatch: 'expectedVersion' },
    roles: admins,
    tenantWide: true,
    input: closeOrgUnit.input.omit({ scope: true }),
    output: orgUnit,
    errors: closeOrgUnit.errors,
  }),
  listPositions: query({
    summary: listPositions.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/positions' },
    roles: readers,
    input: listPositions.input.omit({ scope: true }).extend({ open: flag.optional() }),
    output: pageOf(position),
  }),
  createPosition: command({
    summary: createPosition.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/positions', status: 201 },
    roles: admins,
    tenantWide: true,
    input: createPosition.input.omit({ scope: true }),
    output: position,
    errors: createPosition.errors,
  }),
  getPosition: query({
    summary: getPosition.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/positions/{positionId}' },
    roles: readers,
    input: getPosition.input.omit({ scope: true }),
    output: position,
    errors: getPosition.errors,
  }),
  changePosition: command({
    summary: changePosition.summary,
    deadline: 5000,
    route: { method: 'PATCH', path: '/v1/positions/{positionId}', ifMatch: 'expectedVersion' },
    roles: admins,
    tenantWide: true,
    input: changePosition.input.omit({ scope: true }),
    output: position,
    errors: changePosition.errors,
  }),
  getOrganizationAuditTrail: query({
    summary: 'Who did what to an org unit, a position or an import, the latest first',
    deadline: 3000,
    route: { method: 'GET', path: '/v1/audit-trail' },
    roles: admins,
    tenantWide: true,
    input: z.strictObject({
      object: z.enum(['org-unit', 'position', 'import']),
      id,
      ...getAuditTrail.input.pick({ cursor: true, limit: true }).shape,
    }),
    output: pageOf(auditEntry),
    errors: getAuditTrail.errors,
  }),
}
