import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Company, type Directory, everything, startDirectory } from '../testing.ts'
import { importFile } from './testing.ts'

const file = (name: string) => readFile(new URL(`../fixtures/oracle-hr/${name}.csv`, import.meta.url), 'utf8')

/** The files of a company that has never heard of us, with columns of its own. */
const files = {
  departments: {
    kind: 'org-units',
    mapping: { department_id: 'code', department_name: 'name', manager_id: 'head' },
  },
  jobs: { kind: 'positions', mapping: { job_id: 'code', job_title: 'title' } },
  employees: {
    kind: 'employees',
    mapping: {
      employee_id: 'employeeNumber',
      first_name: 'givenName',
      last_name: 'familyName',
      email: 'email',
      phone_number: 'phone',
      hire_date: 'joinsOn',
      job_id: 'position',
      manager_id: 'manager',
      department_id: 'orgUnit',
    },
    options: { emailDomain: 'example.com', defaults: { timeZone: 'America/Los_Angeles' } },
  },
  job_history: {
    kind: 'job-history',
    mapping: {
      employee_id: 'employeeNumber',
      start_date: 'startsOn',
      end_date: 'endsOn',
      job_id: 'position',
      department_id: 'orgUnit',
    },
  },
} as const

let directory: Directory
let worker: Awaited<ReturnType<Directory['startWorker']>>
let company: Company
beforeAll(async () => {
  directory = await startDirectory()
  worker = await directory.startWorker()
  company = directory.company()
})
afterAll(async () => {
  await worker.stop()
  await directory.close()
})

async function load(name: keyof typeof files, dryRun: boolean) {
  const { options = {}, ...given } = { options: {}, ...files[name] }
  return importFile(company, { ...given, options: { ...options, dryRun } }, await file(name))
}

describe('the sample company', () => {
  it('is checked before anything is written', async () => {
    const { done } = await load('departments', true)
    expect(done).toMatchObject({ state: 'validated', progress: { rows: 27, created: 27, failed: 0 } })
    const { units } = await company.act('getOrgTree', { scope: everything })
    expect(units).toEqual([])
  })

  it('comes in file by file, oddities reported per row', async () => {
    const departments = await load('departments', false)
    // The heads are employees, who are not here yet.
    expect(departments.done).toMatchObject({
      state: 'completed',
      progress: { created: 27, warnings: 11 },
      ignoredColumns: ['location_id'],
    })
    expect((await load('jobs', false)).done).toMatchObject({ progress: { created: 19, failed: 0 } })

    const employees = await load('employees', false)
    expect(employees.done).toMatchObject({
      state: 'completed',
      progress: { rows: 107, created: 107, failed: 0, warnings: 37 },
      ignoredColumns: ['salary', 'commission_pct'],
    })
    expect(new Set(employees.issues.map(({ rule, column }) => `${rule} ${column}`))).toEqual(
      new Set(['hired-before-manager manager_id']),
    )

    const history = await load('job_history', false)
    expect(history.done).toMatchObject({
      progress: { rows: 10, changed: 6, skipped: 4, failed: 0, warnings: 4 },
    })
    expect(history.issues).toMatchObject(
      [3, 4, 8, 11].map((line) => ({
        line,
        column: 'start_date',
        severity: 'warning',
        rule: 'before-joining',
      })),
    )

    const heads = await load('departments', false)
    expect(heads.done).toMatchObject({ progress: { changed: 11, unchanged: 16, warnings: 0 } })
  })

  it.each(Object.keys(files) as (keyof typeof files)[])(
    'changes nothing when %s come again',
    async (name) => {
      const before = await directory.db.sudo('select count(*), max(position) from event')
      const { done } = await load(name, false)
      expect(done.progress).toMatchObject({ created: 0, changed: 0, failed: 0 })
      expect(await directory.db.sudo('select count(*), max(position) from event')).toEqual(before)
    },
  )

  it('is whole: the tree, the people, what they did before', async () => {
    const { act } = company
    const chart = await act('getOrgChart', { depth: 20, scope: everything })
    expect(chart.nodes).toHaveLength(107)
    expect(Math.max(...chart.nodes.map(({ level }) => level))).toBe(3)
    const [king] = chart.nodes
    expect(king).toMatchObject({ displayName: 'Steven King', jobTitle: 'President', directReports: 14 })

    const { items } = await act('searchEmployees', { q: 'lex garcia', scope: everything })
    expect(items).toMatchObject([
      { employeeNumber: '102', email: 'lgarcia@example.com', orgUnitName: 'Executive' },
    ])
    const { versions } = await act('getEmployeeHistory', { employeeId: items[0]!.id, scope: everything })
    expect(versions.map(({ effectiveFrom, positionTitle }) => [effectiveFrom, positionTitle])).toEqual([
      ['2016-07-25', 'Administration Vice President'],
      ['2011-01-13', 'Programmer'],
    ])
    const grant = await act('searchEmployees', { q: 'Kimberely', scope: everything })
    expect(grant.items).toMatchObject([{ orgUnitId: null }])
  })
})
