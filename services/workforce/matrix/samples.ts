import type { workforceContract } from '../contract.ts'
import { leaveSamples } from './leave-samples.ts'
import type { Samples } from './matrix.ts'
import { type Scene, unique } from './scene.ts'

const employeeId = ({ target }: Scene) => ({ employeeId: target.id })
const employee = ({ target }: Scene) => ({ employeeId: target.id, expectedVersion: target.version })
const unit = ({ unit }: Scene) => ({ orgUnitId: unit.id, expectedVersion: unit.version })
const importId = (scene: Scene) => ({ importId: scene.import.id })

const csv = 'employeeNumber,givenName,familyName,joinsOn,timeZone\n1,Ada,Lovelace,2020-01-01,UTC\n'

async function terminate(scene: Scene, leavesOn: string): Promise<void> {
  const input = { ...employee(scene), leavesOn, reason: 'Moves away' }
  scene.target.version = (await scene.act('terminateEmployee', input, scene.admin)).version
}

export const peopleSamples: Omit<Samples<typeof workforceContract, Scene>, keyof typeof leaveSamples> = {
  searchEmployees: {
    about: 'person',
    input: ({ target }) => ({ q: target.number }),
    shows: ({ items }, { target }) => items.some(({ id }) => id === target.id),
  },
  hireEmployee: {
    about: 'company',
    unreached: 422,
    input: ({ target }) => ({
      person: { givenName: 'Grace', familyName: 'Hopper' },
      employeeNumber: unique(),
      joinsOn: '2024-01-01',
      terms: { timeZone: 'America/New_York', managerId: target.id },
    }),
  },
  getEmployee: { about: 'person', input: employeeId },
  getEmployeeHistory: { about: 'person', input: employeeId },
  getEmployeeAuditTrail: { about: 'person', input: employeeId },
  changeEmployee: {
    about: 'person',
    input: (scene) => ({ ...employee(scene), effectiveFrom: '2024-01-01', changes: { fte: 0.5 } }),
  },
  correctEmployee: {
    about: 'person',
    input: (scene) => ({ ...employee(scene), effectiveFrom: '2020-01-01', changes: { fte: 0.5 } }),
  },
  transferEmployee: {
    about: 'person',
    input: (scene) => ({ ...employee(scene), effectiveFrom: '2024-01-01', to: { location: 'Leeds' } }),
  },
  changePerson: {
    about: 'person',
    own: true,
    input: (scene) => ({ ...employee(scene), changes: { phone: '+44 1' } }),
  },
  terminateEmployee: {
    about: 'person',
    input: (scene) => ({ ...employee(scene), leavesOn: '2025-12-31', reason: 'Moves away' }),
  },
  cancelTermination: {
    about: 'person',
    prepare: (scene) => terminate(scene, '2099-12-31'),
    input: employee,
  },
  rehireEmployee: {
    about: 'person',
    left: true,
    prepare: (scene) => terminate(scene, '2021-12-31'),
    input: (scene) => ({ ...employee(scene), joinsOn: '2024-01-01', terms: { timeZone: 'UTC' } }),
  },
  getOrgChart: { about: 'person', input: ({ target }) => ({ rootEmployeeId: target.id }) },
  getReportingLine: { about: 'person', input: employeeId },
  countReports: { about: 'person', input: employeeId },

  getOrgTree: {
    about: 'company',
    input: () => ({}),
    shows: ({ units }, { unit }) => units.some(({ id }) => id === unit.id),
  },
  createOrgUnit: {
    about: 'company',
    unreached: 422,
    input: ({ unit }) => ({ code: unique(), name: 'New', opensOn: '2024-01-01', parentId: unit.id }),
  },
  getOrgUnit: { about: 'company', input: ({ unit }) => ({ orgUnitId: unit.id }) },
  changeOrgUnit: {
    about: 'company',
    input: (scene) => ({ ...unit(scene), effectiveFrom: '2024-01-01', changes: { name: 'Renamed' } }),
  },
  closeOrgUnit: { about: 'company', input: (scene) => ({ ...unit(scene), closesOn: '2024-01-01' }) },
  listPositions: {
    about: 'company',
    input: ({ unit }) => ({ orgUnitId: unit.id }),
    shows: ({ items }, { position }) => items.some(({ id }) => id === position.id),
  },
  createPosition: {
    about: 'company',
    unreached: 422,
    input: ({ unit }) => ({ code: unique(), title: 'New', orgUnitId: unit.id }),
  },
  getPosition: { about: 'company', input: ({ position }) => ({ positionId: position.id }) },
  changePosition: {
    about: 'company',
    input: ({ position }) => ({
      positionId: position.id,
      expectedVersion: position.version,
      changes: { title: 'Renamed' },
    }),
  },
  getOrganizationAuditTrail: {
    about: 'company',
    input: ({ unit }) => ({ object: 'org-unit', id: unit.id }),
    shows: ({ items }) => items.length > 0,
  },

  createImport: { about: 'company', unreached: 'done', input: () => ({ kind: 'employees' }) },
  listImports: {
    about: 'company',
    input: () => ({ limit: 200 }),
    shows: ({ items }, scene) => items.some(({ id }) => id === scene.import.id),
  },
  getImport: { about: 'company', input: importId },
  uploadImportFile: { about: 'company', input: importId, csv },
  startImport: {
    about: 'company',
    prepare: (scene) => scene.act('uploadImportFile', importId(scene), scene.admin, csv),
    input: importId,
  },
  cancelImport: { about: 'company', input: importId },
  listImportErrors: { about: 'company', input: importId },
  watchImport: {
    about: 'company',
    // a stream ends with its import
    prepare: (scene) => scene.act('cancelImport', importId(scene), scene.admin),
    input: importId,
  },

  getAccount: { about: 'account', input: employeeId },
  setRoles: {
    about: 'company',
    self: 403,
    input: ({ target }) => ({
      employeeId: target.id,
      version: target.account.version,
      roles: [{ role: 'manager', reach: 'reports' }],
    }),
  },
  issueInvitation: { about: 'company', input: employeeId },
  disableAccount: { about: 'company', input: (scene) => ({ ...employeeId(scene), reason: 'Lost phone' }) },
  enableAccount: { about: 'company', input: employeeId },
  getAccountAuditTrail: { about: 'company', input: employeeId },
}

export const samples: Samples<typeof workforceContract, Scene> = { ...peopleSamples, ...leaveSamples }
