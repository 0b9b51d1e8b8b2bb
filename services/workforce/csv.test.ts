import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let admin: TestCaller
beforeAll(async () => {
  workforce = await startWorkforce()
  admin = await workforce.newCompany()
})
afterAll(() => workforce.close())

const header = 'employeeNumber,givenName,familyName,joinsOn,timeZone,fte,birthDate,manager'

/** Uploads a file, does the import, and tells what came of it. */
async function importCsv(csv: string | Uint8Array<ArrayBuffer>, mapping: Record<string, string> = {}) {
  const { id } = await workforce.act('createImport', { kind: 'employees', mapping }, admin)
  await workforce.act('uploadImportFile', { importId: id }, admin, csv)
  await workforce.act('startImport', { importId: id, dryRun: false }, admin)
  const { body } = await workforce.send('watchImport', { importId: id }, admin)
  expect(String(body)).toMatch(/"state":"(completed|failed)"/)
  const done = await workforce.act('getImport', { importId: id }, admin)
  const { items } = await workforce.act('listImportErrors', { importId: id }, admin)
  const issues = items.map(({ line, column, severity, rule }) => [line, column, severity, rule])
  return { state: done.state, progress: done.progress, failure: done.failure, issues }
}

const names = async (q: string) =>
  (await workforce.act('searchEmployees', { q }, admin)).items.map(({ displayName }) => displayName)

const people = async () =>
  workforce.directoryDb.sudo<{ count: string }>('select count(*) from employee where tenant = $1', [
    admin.tenant,
  ])

describe('a CSV file', () => {
  it('may have a byte order mark, CRLF, quotes, and line breaks and commas inside them', async () => {
    const rows = [
      '1,Ada,"Lovelace, ""Countess""",2020-01-01,UTC,1,,',
      '2,"Grace\r\nBrewster",Hopper,2020-01-01,UTC,,,1',
      '3,美玲,王,2020-01-01,Asia/Shanghai,0.5,,1',
    ]
    const csv = `\ufeff${header}\r\n${rows.join('\r\n')}\r\n`
    expect(await importCsv(csv)).toMatchObject({
      state: 'completed',
      progress: { rows: 3, created: 3, failed: 0, bytesRead: Buffer.byteLength(csv) },
      issues: [],
    })
    expect(await names('Countess')).toEqual(['Ada Lovelace, "Countess"'])
    expect(await names('美')).toEqual(['美玲 王'])
  })

  it('keeps its good rows whatever the bad ones are, each of which is named with its line, column and rule', async () => {
    const rows = [
      '10,Good,One,2020-01-01,UTC,1,,',
      '11,No,Zone,2020-01-01,Europe/Atlantis,1,,',
      '12,No,Day,2026-02-30,UTC,1,,',
      '13,Infinite,Work,2020-01-01,UTC,Infinity,,',
      '14,Negative,Work,2020-01-01,UTC,-1,,',
      '15,Huge,Work,2020-01-01,UTC,1e308,,',
      '16,"Over\ntwo lines",Person,,UTC,1,,',
      '17,Own,Manager,2020-01-01,UTC,1,,17',
      '18,Nul\0,Name,2020-01-01,UTC,1,,',
      '19,Unborn,Person,2020-01-01,UTC,1,2020-01-01,',
      '20,Few,Columns,2020-01-01',
      '10,Twice,There,2020-01-01,UTC,1,,',
      ',No,Number,2020-01-01,UTC,1,,',
      '21,No,Such Manager,2020-01-01,UTC,1,,404',
      '22,Good,Two,2020-01-01,UTC,1,,10',
      '23,"Open,Quote,2020-01-01,UTC,1,,',
    ]
    const result = await importCsv(`${header}\n${rows.join('\n')}\n`)
    expect(result).toMatchObject({ state: 'completed', progress: { rows: 16, created: 2, failed: 14 } })
    expect(result.issues).toEqual([
      [3, 'timeZone', 'error', 'time-zone'],
      [4, 'joinsOn', 'error', 'date'],
      [5, 'fte', 'error', 'number'],
      [6, 'fte', 'error', 'number'],
      [7, 'fte', 'error', 'number'],
      [8, 'joinsOn', 'error', 'required'],
      [10, 'manager', 'error', 'own-superior'],
      [11, 'givenName', 'error', 'control-character'],
      [12, 'birthDate', 'error', 'birth-not-before-joining'],
      [13, null, 'error', 'column-count'],
      [14, 'employeeNumber', 'error', 'duplicate-in-file'],
      [15, 'employeeNumber', 'error', 'required'],
      [16, 'manager', 'error', 'manager-not-found'],
      [18, null, 'error', 'csv'],
    ])
    expect(await names('Good')).toEqual(['Good One', 'Good Two'])
  })

  it.each([
    ['with a header twice', 'employeeNumber,givenName,givenName,familyName,joinsOn\n', 'duplicate-header'],
    ['without a needed column', 'employeeNumber,givenName,joinsOn\n30,Ada,2020-01-01\n', 'missing-column'],
    ['that is empty', '', 'empty'],
    ['with a header and no row', `${header}\n`, 'no-rows'],
    ['that is no UTF-8', Buffer.from(`${header}\n30,M\xfcller`, 'latin1'), 'encoding'],
  ])('%s is refused as a whole', async (_, csv, rule) => {
    const before = await people()
    expect(await importCsv(csv)).toMatchObject({
      state: 'failed',
      failure: { rule },
      progress: { created: 0 },
    })
    expect(await people()).toEqual(before)
  })

  it('is refused when the mapping names a field or a column that is not there', async () => {
    const mapping = { Salary: 'salary' }
    expect(await workforce.send('createImport', { kind: 'employees', mapping }, admin)).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/mapping/Salary', rule: 'field' }] },
    })
    expect(await importCsv(`${header}\n`, { Nummer: 'employeeNumber' })).toMatchObject({
      state: 'failed',
      failure: { rule: 'missing-column' },
    })
  })
})
