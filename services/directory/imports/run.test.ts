import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCall } from '#kit/testing.ts'
import { type Company, type Directory, everything, startDirectory } from '../testing.ts'
import { runImport } from './run.ts'
import { ended, importFile } from './testing.ts'

let directory: Directory
beforeAll(async () => {
  directory = await startDirectory()
})
afterAll(() => directory.close())

const header = 'employeeNumber,givenName,familyName,joinsOn,timeZone,manager,jobTitle'

/** People of whom each reports to one further down in the file. */
const company = (count: number) =>
  [
    header,
    ...Array.from({ length: count }, (_, i) => {
      const manager = i === count - 1 ? '' : `E${Math.min(count - 1, i + 700)}`
      return `E${i},Given${i},Family${i},2020-01-01,UTC,${manager},Title ${i}`
    }),
  ].join('\n')

async function started({ act, upload }: Company, content: string, options: object = { dryRun: false }) {
  const { id: importId } = await act('createImport', { kind: 'employees', options, scope: everything })
  await upload(importId, content)
  await act('startImport', { importId, scope: everything })
  return importId
}

describe('an import that is cut off', () => {
  it('goes on where it stood, each row once', async () => {
    const people = directory.company()
    const importId = await started(people, company(2500))
    // Each run is cut off a little later than the one before, wherever it stands then.
    let cuts = 0
    for (let steps = 5; ; steps += 5) {
      const cut = new AbortController()
      let left = steps
      const counted = Object.create(directory.db.database, {
        write: {
          value: (...args: Parameters<typeof directory.db.database.write>) => {
            if (left-- === 0) cut.abort()
            return directory.db.database.write(...args)
          },
        },
      }) as typeof directory.db.database
      try {
        await runImport(counted, testCall(people.tenant, { signal: cut.signal }), importId)
        break
      } catch (error) {
        expect(cut.signal.aborted, String(error)).toBe(true)
        cuts++
      }
    }
    expect(cuts).toBeGreaterThan(1)
    expect((await ended(people, importId)).progress).toMatchObject({ rows: 2500, created: 2500, failed: 0 })
    const [found] = await directory.db.sudo(
      `select (select count(*)::int from employee where tenant = $1) as people,
         (select count(*)::int from employee_version where tenant = $1 and manager_id is null) as tops,
         (select count(*)::int from event where tenant = $1 and kind = 'employee-hired') as events,
         (select count(*)::int from import_chunk where tenant = $1) as chunks`,
      [people.tenant],
    )
    expect(found).toEqual({ people: 2500, tops: 1, events: 2500, chunks: 0 })
  })
})

describe('an import that is cancelled', () => {
  it('stops, and keeps what was written', async () => {
    const people = directory.company()
    const importId = await started(people, company(2500))
    const { database } = directory.db
    const read = () => people.act('getImport', { importId, scope: everything })
    let written = 0
    const cancelling = Object.create(database, {
      write: {
        value: async (...args: Parameters<typeof database.write>) => {
          const result = await database.write(...args)
          const { state, progress } = await read()
          if (state === 'running' && progress.created > 0) {
            written = progress.created
            await people.act('cancelImport', { importId, scope: everything })
          }
          return result
        },
      },
    }) as typeof database
    await runImport(cancelling, testCall(people.tenant), importId)
    expect(written).toBeGreaterThan(0)
    expect(await read()).toMatchObject({ state: 'cancelled', progress: { created: written } })
    await runImport(database, testCall(people.tenant), importId)
    const { items } = await people.act('searchEmployees', { q: 'E2400', scope: everything })
    expect(items).toEqual([])
  })
})

describe('an import beside other changes', () => {
  it('loses none of them', async () => {
    const people = directory.company()
    const count = 300
    const file = (title: string) =>
      [header, ...Array.from({ length: count }, (_, i) => `E${i},A,B,2020-01-01,UTC,,${title}`)].join('\n')
    const run = async (content: string, options: object) => {
      const importId = await started(people, content, options)
      await runImport(directory.db.database, testCall(people.tenant), importId)
      return people.act('getImport', { importId, scope: everything })
    }
    await run(file('Clerk'), { dryRun: false })
    const { items } = await people.act('searchEmployees', { limit: 60, scope: everything })
    const [done, ...answers] = await Promise.all([
      run(file('Chief'), { dryRun: false, effectiveFrom: '2020-01-01' }),
      ...items.map((item) =>
        people.send('correctEmployee', {
          ...people.target(item),
          effectiveFrom: '2020-01-01',
          changes: { location: 'Oslo' },
        }),
      ),
    ])
    expect(done.progress).toMatchObject({ changed: count, failed: 0 })
    // Who came first has changed the version that the other had read; nothing that was accepted is gone.
    const accepted = answers.filter(({ status }) => status === 200).length
    expect(new Set(answers.map(({ status }) => status)).difference(new Set([200, 412]))).toEqual(new Set())
    const [found] = await directory.db.sudo(
      `select count(*) filter (where location = 'Oslo')::int as moved,
         count(*) filter (where job_title = 'Chief')::int as titled from employee_version where tenant = $1`,
      [people.tenant],
    )
    expect(found).toEqual({ moved: accepted, titled: count })
  })
})

describe('a file imported again', () => {
  it('applies what differs, from a date on, and nothing else', async () => {
    const people = directory.company()
    const worker = await directory.startWorker()
    const row = (title: string, manager: string) => `1,Ada,Berg,2020-01-01,UTC,${manager},${title}`
    const boss = '2,Bo,Dahl,2019-01-01,UTC,,Boss'
    const load = (rows: string[], options: object = {}) =>
      importFile(
        people,
        { kind: 'employees', options: { dryRun: false, ...options } },
        [header, ...rows].join('\n'),
      )
    await load([row('Clerk', ''), boss])
    const dry = await load([row('Chief', '2'), boss], { dryRun: true })
    expect(dry.done.progress).toMatchObject({ changed: 1, unchanged: 1 })
    const { done } = await load([row('Chief', '2'), boss], { effectiveFrom: '2024-05-01' })
    expect(done.progress).toMatchObject({ changed: 1, unchanged: 1 })
    const { items } = await people.act('searchEmployees', { q: 'ada', scope: everything })
    const { versions } = await people.act('getEmployeeHistory', {
      employeeId: items[0]!.id,
      scope: everything,
    })
    expect(versions).toMatchObject([
      { effectiveFrom: '2024-05-01', jobTitle: 'Chief', managerName: 'Bo Dahl' },
      { effectiveFrom: '2020-01-01', jobTitle: 'Clerk', managerId: null },
    ])
    const circling = [boss.replace('UTC,,', 'UTC,1,')]
    const tried = await load(circling, { effectiveFrom: '2024-06-01', dryRun: true })
    const circle = await load(circling, { effectiveFrom: '2024-06-01' })
    expect([tried.done.state, tried.done.progress, tried.issues]).toEqual([
      'validated',
      circle.done.progress,
      circle.issues,
    ])
    expect(circle.issues).toMatchObject([
      { line: 2, rule: 'hired-before-manager', severity: 'warning' },
      { line: 2, rule: 'reporting-cycle', severity: 'error', column: 'manager' },
    ])
    expect(circle.done.progress).toMatchObject({ changed: 0, failed: 1 })
    await worker.stop()
  })

  it('takes nothing new that cannot be had, and leaves what is there', async () => {
    const people = directory.company()
    const worker = await directory.startWorker()
    const { act, target } = people
    const position = await act('createPosition', { code: 'P', title: 'Clerk', scope: everything })
    const boss = await people.hire({ number: 'boss' })
    const rows = (numbers: string[]) =>
      [`${header},position`, ...numbers.map((number) => `${number},A,B,2024-01-01,UTC,boss,,P`)].join('\n')
    const load = (content: string) =>
      importFile(people, { kind: 'employees', options: { dryRun: false } }, content)
    const first = await load(rows(['held']))
    expect(first.done.progress).toMatchObject({ created: 1 })
    const closing = {
      positionId: position.id,
      expectedVersion: 1,
      changes: { open: false },
      scope: everything,
    }
    await act('changePosition', closing)
    const { items } = await act('searchEmployees', { q: 'held', scope: everything })
    const leaving = { effectiveFrom: '2090-01-01', to: { managerId: null } }
    await act('transferEmployee', { ...target(items[0]!), ...leaving })
    await act('terminateEmployee', { ...target(boss), leavesOn: '2089-12-31', reason: 'retires' })
    const second = await load(rows(['held', 'new']))
    expect(second.done.progress).toMatchObject({ unchanged: 1, created: 0, failed: 1 })
    expect(second.issues.map(({ line, rule }) => [line, rule])).toEqual([
      [3, 'manager-not-employed'],
      [3, 'position-closed'],
    ])
    await worker.stop()
  })

  it('is audited in the name of who started it', async () => {
    const people = directory.company()
    const importId = await started(people, [header, '1,Ada,Berg,2020-01-01,UTC,,'].join('\n'))
    await runImport(directory.db.database, testCall(people.tenant), importId)
    const { items } = await people.act('searchEmployees', { scope: everything })
    const trail = await people.act('getAuditTrail', {
      object: 'employee',
      id: items[0]!.id,
      scope: everything,
    })
    expect(trail.items).toMatchObject([
      { operation: 'startImport', account: '00000000-0000-7000-8000-000000000001', client: 'test' },
    ])
  })
})
