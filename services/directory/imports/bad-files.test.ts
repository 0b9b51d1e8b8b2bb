import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemBase } from '#kit/problem.ts'
import { type Directory, everything, startDirectory } from '../testing.ts'
import { importFile } from './testing.ts'

let directory: Directory
let worker: Awaited<ReturnType<Directory['startWorker']>>
beforeAll(async () => {
  directory = await startDirectory()
  worker = await directory.startWorker()
})
afterAll(async () => {
  await worker.stop()
  await directory.close()
})

const header = 'employeeNumber,givenName,familyName,joinsOn,timeZone'
const good = '1,Ada,Berg,2024-01-01,UTC'
const employees = (content: string | Uint8Array, options: object = {}) =>
  importFile(directory.company(), { kind: 'employees', options: { dryRun: false, ...options } }, content)

describe('a file that cannot be used', () => {
  it.each([
    ['has nothing in it', '', 'empty', 'no header'],
    ['has no row', `${header}\n`, 'no-rows', 'no row'],
    ['has two columns of one name', `${header},timeZone\n${good},UTC`, 'duplicate-header', 'called timeZone'],
    ['lacks a column', 'employeeNumber,givenName\n1,Ada', 'missing-column', 'familyName, joinsOn'],
    ['is not UTF-8', Buffer.from(`${header}\n1,Jos\xe9,Berg,2024-01-01,UTC`, 'latin1'), 'encoding', 'UTF-8'],
    ['is UTF-16', Buffer.from(`\ufeff${header}\n${good}`, 'utf16le'), 'encoding', 'UTF-8'],
    // CESU-8: a surrogate alone, as some databases write it
    [
      'has a lone surrogate',
      Buffer.concat([Buffer.from(`${header}\n`), Buffer.from([0xed, 0xa0, 0x80])]),
      'encoding',
      'UTF-8',
    ],
  ])('that %s is refused as a whole', async (_, content, rule, detail) => {
    const { done } = await employees(content)
    expect(done).toMatchObject({ state: 'failed', failure: { rule }, progress: { rows: 0, created: 0 } })
    expect(done.failure!.detail).toContain(detail)
  })

  it('because a mapped column is missing', async () => {
    const { done } = await importFile(
      directory.company(),
      { kind: 'employees', mapping: { Nummer: 'employeeNumber' }, options: { dryRun: false } },
      `${header}\n${good}`,
    )
    expect(done.failure).toEqual({ rule: 'missing-column', detail: 'There is no column Nummer' })
  })
})

describe('a row that breaks a rule', () => {
  it.each([
    ['no such day', '2,Bo,Dahl,2026-02-30,UTC', 'joinsOn', 'date'],
    ['no joining date', '2,Bo,Dahl,,UTC', 'joinsOn', 'required'],
    ['a name of blanks', '2,  ,Dahl,2024-01-01,UTC', 'givenName', 'required'],
    ['a NUL', '2,B\0o,Dahl,2024-01-01,UTC', 'givenName', 'control-character'],
    ['no time zone', '2,Bo,Dahl,2024-01-01,Mars/Base', 'timeZone', 'time-zone'],
    ['a column too many', '2,Bo,Dahl,2024-01-01,UTC,more', null, 'column-count'],
    ['a stray quote', '2,Bo "B,Dahl,2024-01-01,UTC', null, 'csv'],
    ['the number of another', '1,Bo,Dahl,2024-01-01,UTC', 'employeeNumber', 'duplicate-in-file'],
  ])('is reported with its line and column: %s', async (_, row, column, rule) => {
    const { done, issues } = await employees(`${header}\n${good}\n${row}\n3,Cy,Ek,2024-01-01,UTC`)
    expect(issues).toMatchObject([{ line: 3, column, rule, severity: 'error' }])
    expect(done).toMatchObject({ state: 'completed', progress: { rows: 3, created: 2, failed: 1 } })
  })

  it('is reported when a number is literally Infinity, negative or huge', async () => {
    const rows = ['Infinity', '-1', '1e9', '0', '0.5'].map((fte, i) => `${i},Ada,Berg,2024-01-01,UTC,${fte}`)
    const { done, issues } = await employees([`${header},fte`, ...rows].join('\n'))
    expect(issues.map(({ line, column, rule }) => [line, column, rule])).toEqual(
      [2, 3, 4, 5].map((line) => [line, 'fte', 'number']),
    )
    expect(done.progress).toMatchObject({ created: 1, failed: 4 })
  })

  it('is reported when it manages itself, in a circle, or is managed by nobody known', async () => {
    const rows = [
      'top,Ada,Berg,2024-01-01,UTC,',
      'self,Ada,Berg,2024-01-01,UTC,self',
      'a,Ada,Berg,2024-01-01,UTC,b',
      'b,Ada,Berg,2024-01-01,UTC,a',
      'below,Ada,Berg,2024-01-01,UTC,b',
      'lost,Ada,Berg,2024-01-01,UTC,nobody',
    ]
    const { done, issues } = await employees([`${header},manager`, ...rows].join('\n'))
    expect(issues.map(({ line, rule, severity }) => [line, rule, severity])).toEqual([
      [3, 'own-superior', 'error'],
      [4, 'circular', 'error'],
      [5, 'circular', 'error'],
      [6, 'manager-not-imported', 'warning'],
      [7, 'manager-not-found', 'error'],
    ])
    expect(done.progress).toMatchObject({ created: 2, failed: 4, warnings: 1 })
  })

  it('finds the line behind quoted line breaks', async () => {
    const rows = `1,"Ada\nMaria",Berg,2024-01-01,UTC\n\n2,Bo,Dahl,never,UTC`
    const { issues } = await employees(`${header}\n${rows}`)
    expect(issues).toMatchObject([{ line: 5, column: 'joinsOn' }])
  })
})

describe('a file as spreadsheets write it', () => {
  it('may have a byte order mark, CRLF, quotes, other delimiters and dates', async () => {
    const company = directory.company()
    const rows = ['"1";"Ada ""A""";"Berg; née Lind";31.12.2023;UTC', '"2";Bo;Dahl;1.2.2024;UTC']
    const { done, issues } = await importFile(
      company,
      { kind: 'employees', options: { dryRun: false, delimiter: ';', dateFormat: 'DD.MM.YYYY' } },
      `\ufeff"${header.replaceAll(',', '";"')}"\r\n${rows.join('\r\n')}\r\n`,
    )
    expect([done.progress.created, issues]).toEqual([2, []])
    const { items } = await company.act('searchEmployees', { scope: everything })
    expect(items.map(({ displayName, joinsOn }) => [displayName, joinsOn])).toEqual([
      ['Ada "A" Berg; née Lind', '2023-12-31'],
      ['Bo Dahl', '2024-02-01'],
    ])
  })
})

describe('an import', () => {
  it('is refused with a mapping to no field, or twice to one', async () => {
    const { send } = directory.company()
    const answer = await send('createImport', {
      kind: 'positions',
      mapping: { a: 'code', b: 'code', 'c/d': 'salary' },
      scope: everything,
    })
    expect(answer).toMatchObject({
      status: 422,
      body: {
        type: `${problemBase}invalid-input`,
        errors: [
          { pointer: '/mapping/b', rule: 'duplicate' },
          { pointer: '/mapping/c~1d', rule: 'field' },
        ],
      },
    })
  })

  it('starts once, is cancelled once, and needs a file', async () => {
    const { act, send, upload } = directory.company()
    const { id: importId } = await act('createImport', { kind: 'employees', scope: everything })
    const state = { status: 409, body: { type: `${problemBase}import-state` } }
    expect(await send('startImport', { importId, scope: everything })).toMatchObject(state)
    expect(await upload(importId, `${header}\n${good}`)).toMatchObject({
      body: { state: 'uploaded', version: 2 },
    })
    expect(await upload(importId, `${header}\n${good}`)).toMatchObject({ body: { version: 2 } })
    expect(await act('cancelImport', { importId, scope: everything })).toMatchObject({ state: 'cancelled' })
    expect(await send('cancelImport', { importId, scope: everything })).toMatchObject(state)
    expect(await upload(importId, good)).toMatchObject(state)
  })

  it('is for those who reach all', async () => {
    const { act, hire, hr, send } = directory.company()
    const { id } = await hire()
    const manager = { ...hr, employee: id, roles: ['manager:reports'] as const }
    const scope = { reach: 'reports', employeeId: id }
    expect(await send('createImport', { kind: 'employees', scope }, manager)).toMatchObject({ status: 403 })
    const { id: importId } = await act('createImport', { kind: 'employees', scope: everything })
    expect(await send('getImport', { importId, scope }, manager)).toMatchObject({ status: 403 })
  })
})
