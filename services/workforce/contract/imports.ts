import { command, query, stream } from '#kit/contract.ts'
import { pageOf } from '#kit/schemas.ts'
import { directoryContract } from '../../directory/contract.ts'

const {
  createImport,
  uploadImportFile,
  startImport,
  cancelImport,
  getImport,
  listImports,
  listImportErrors,
} = directoryContract.operations

const importResource = getImport.output.meta({ id: 'Import' })
const importIssue = listImportErrors.output.shape.items.element.meta({ id: 'ImportIssue' })

const admins = { 'hr-admin': 'all' } as const

/** CSV imports: prepared, uploaded, started (dry run first), watched. */
export const importOperations = {
  createImport: command({
    summary: createImport.summary,
    deadline: 3000,
    route: { method: 'POST', path: '/v1/imports', status: 201 },
    roles: admins,
    tenantWide: true,
    input: createImport.input.omit({ scope: true }),
    output: importResource,
    errors: createImport.errors,
  }),
  listImports: query({
    summary: listImports.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/imports' },
    roles: admins,
    tenantWide: true,
    input: listImports.input.omit({ scope: true }),
    output: pageOf(importResource),
  }),
  getImport: query({
    summary: getImport.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/imports/{importId}' },
    roles: admins,
    tenantWide: true,
    input: getImport.input.omit({ scope: true }),
    output: importResource,
    errors: getImport.errors,
  }),
  uploadImportFile: command({
    summary: uploadImportFile.summary,
    deadline: 120_000,
    route: { method: 'PUT', path: '/v1/imports/{importId}/file' },
    roles: admins,
    tenantWide: true,
    upload: uploadImportFile.upload!,
    input: uploadImportFile.input,
    output: importResource,
    errors: uploadImportFile.errors,
  }),
  startImport: command({
    summary: startImport.summary,
    deadline: 3000,
    route: { method: 'POST', path: '/v1/imports/{importId}/start', status: 202 },
    roles: admins,
    tenantWide: true,
    input: startImport.input.omit({ scope: true }),
    output: importResource,
    errors: startImport.errors,
  }),
  cancelImport: command({
    summary: cancelImport.summary,
    deadline: 3000,
    route: { method: 'POST', path: '/v1/imports/{importId}/cancellation' },
    roles: admins,
    tenantWide: true,
    input: cancelImport.input.omit({ scope: true }),
    output: importResource,
    errors: cancelImport.errors,
  }),
  listImportErrors: query({
    summary: listImportErrors.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/imports/{importId}/errors' },
    roles: admins,
    tenantWide: true,
    input: listImportErrors.input.omit({ scope: true }),
    output: pageOf(importIssue),
    errors: listImportErrors.errors,
  }),
  watchImport: stream({
    summary: 'State and progress of an import as they change, until it ends',
    // the lifetime of a token: a client that still watches connects again with a new one
    deadline: 600_000,
    sse: true,
    route: { method: 'GET', path: '/v1/imports/{importId}/events' },
    roles: admins,
    tenantWide: true,
    input: getImport.input.omit({ scope: true }),
    output: importResource,
    errors: getImport.errors,
  }),
}
