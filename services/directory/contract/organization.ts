import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, localDate, page, pageOf, scope, text, version } from '#kit/schemas.ts'

const code = text(40).meta({ description: "The company's own short code, unique among its kind" })
const asOf = localDate.optional().meta({ description: 'The date to look at; today (UTC) unless told' })

export const orgUnit = z.object({
  id,
  code: z.string(),
  name: z.string(),
  parentId: id.nullable(),
  headId: id.nullable().meta({ description: 'The employee who leads the unit' }),
  costCentre: z.string().nullable(),
  opensOn: localDate,
  closesOn: localDate.nullable().meta({ description: 'The last day on which it is open' }),
  effectiveFrom: localDate.meta({ description: 'Since when it is as told here' }),
  version,
})

const orgTreeNode = orgUnit.extend({
  level: z.int().min(0),
  headcount: z.int().min(0).meta({ description: 'People in the unit itself on that date' }),
})

export const position = z.object({
  id,
  code: z.string(),
  title: z.string(),
  orgUnitId: id.nullable(),
  open: z.boolean().meta({ description: 'Whether it takes new holders' }),
  version,
})

const orgUnitErrors = [
  'reference-unknown',
  'org-unit-code-taken',
  'org-unit-cycle',
  'org-unit-closed',
  'org-unit-not-found',
] as const

/** Org units and positions. Changing them is a matter of the whole tenant: scope `all`. */
export const organizationOperations = {
  createOrgUnit: command({
    summary: 'Opens an org unit',
    deadline: 3000,
    input: z.strictObject({
      code,
      name: text(200),
      parentId: id.optional(),
      headId: id.optional(),
      costCentre: text(40).optional(),
      opensOn: localDate,
      scope,
    }),
    output: orgUnit,
    errors: orgUnitErrors,
  }),
  changeOrgUnit: command({
    summary: 'Renames or moves an org unit from a date on, or corrects what starts on that date',
    deadline: 3000,
    input: z.strictObject({
      orgUnitId: id,
      expectedVersion: version,
      effectiveFrom: localDate,
      changes: z.strictObject({
        code: code.optional(),
        name: text(200).optional(),
        parentId: id.nullable().optional(),
        headId: id.nullable().optional(),
        costCentre: text(40).nullable().optional(),
      }),
      scope,
    }),
    output: orgUnit,
    errors: orgUnitErrors,
  }),
  closeOrgUnit: command({
    summary: 'Closes an org unit after a day from which on nobody and nothing is in it; null opens it again',
    deadline: 3000,
    input: z.strictObject({ orgUnitId: id, expectedVersion: version, closesOn: localDate.nullable(), scope }),
    output: orgUnit,
    errors: ['org-unit-not-found', 'org-unit-closed', 'org-unit-in-use'],
  }),
  getOrgUnit: query({
    summary: 'Reads an org unit as of a date',
    deadline: 1000,
    input: z.strictObject({ orgUnitId: id, asOf, scope }),
    output: orgUnit,
    errors: ['org-unit-not-found'],
  }),
  getOrgTree: query({
    summary: 'All org units that are open on a date, parents before children',
    deadline: 3000,
    input: z.strictObject({ asOf, rootOrgUnitId: id.optional(), scope }),
    output: z.object({ asOf: localDate, units: z.array(orgTreeNode) }),
    errors: ['org-unit-not-found'],
  }),
  createPosition: command({
    summary: 'Creates a position',
    deadline: 3000,
    input: z.strictObject({ code, title: text(200), orgUnitId: id.optional(), scope }),
    output: position,
    errors: ['position-code-taken', 'reference-unknown'],
  }),
  changePosition: command({
    summary: 'Changes a position, or closes it to new holders',
    deadline: 3000,
    input: z.strictObject({
      positionId: id,
      expectedVersion: version,
      changes: z.strictObject({
        code: code.optional(),
        title: text(200).optional(),
        orgUnitId: id.nullable().optional(),
        open: z.boolean().optional(),
      }),
      scope,
    }),
    output: position,
    errors: ['position-not-found', 'position-code-taken', 'reference-unknown'],
  }),
  getPosition: query({
    summary: 'Reads a position',
    deadline: 1000,
    input: z.strictObject({ positionId: id, scope }),
    output: position,
    errors: ['position-not-found'],
  }),
  listPositions: query({
    summary: 'Lists positions by code',
    deadline: 2000,
    access: ['user', 'job'],
    input: z.strictObject({ orgUnitId: id.optional(), open: z.boolean().optional(), ...page, scope }),
    output: pageOf(position),
  }),
}
