import { expect, test } from 'vitest'
import { parseLog } from './record.ts'
import { repeatable, repetition } from './script.ts'

const id = (n: number) => `00000000-0000-7000-8000-00000000000${n}`
const line = (process: number, text: string) => `@bench@${process} ${text}\n`

test('a log gives the transactions of the tenant, with names and values', () => {
  const log =
    line(1, `LOG:  statement: BEGIN; SET LOCAL app.tenant = 't'`) +
    line(2, 'LOG:  statement: BEGIN') +
    line(1, 'LOG:  execute read_it: select *\n\tfrom it where a = $1 and b = $2') +
    line(1, `DETAIL:  Parameters: $1 = 'o''clock', $2 = NULL`) +
    line(2, 'LOG:  execute <unnamed>: select 1') +
    line(1, 'LOG:  statement: SET LOCAL statement_timeout = 3') +
    line(1, 'LOG:  statement: COMMIT') +
    line(2, 'LOG:  statement: COMMIT')
  expect(parseLog(log, 't')).toEqual([
    { text: `BEGIN; SET LOCAL app.tenant = 't'`, name: '' },
    { text: 'select *\n\tfrom it where a = $1 and b = $2', name: 'read_it', parameters: ["o'clock", null] },
    { text: 'COMMIT', name: '' },
  ])
})

test('a repetition makes new ids where the second run did, and counts versions on', () => {
  const run = (made: string, version: string) => [
    { text: 'insert', name: '', parameters: [id(0), made] },
    { text: 'update', name: '', parameters: [`key/${made}`, version, null] },
  ]
  const script = repeatable(run(id(1), '4'), run(id(2), '5'))
  const [insert, update] = repetition(script, 3)
  expect(insert!.parameters![0]).toBe(id(0))
  const made = insert!.parameters![1]!
  expect(made).toMatch(/^[0-9a-f-]{36}$/)
  expect([id(1), id(2)]).not.toContain(made)
  expect(update!.parameters).toEqual([`key/${made}`, '9', null])
})

test('a repetition is of the next of the cast, and of the next day when all have had their turn', () => {
  const run = (made: string, day: string) => [
    {
      text: 'insert',
      name: '',
      parameters: [id(1), `{${made}}`, `{${day}}`, '2027-02-01', '{2027-03-01T09:00:00Z}'],
    },
  ]
  const cast = { recorded: [id(1)], others: [[id(8)], [id(9)]] }
  const script = repeatable(run(id(2), '2027-03-30'), run(id(3), '2027-03-31'), cast)
  const ofTurn = (turn: number) => repetition(script, turn)[0]!.parameters!
  const still = ['2027-02-01', '{2027-03-01T09:00:00Z}']
  expect(ofTurn(0)).toEqual([id(8), expect.stringMatching(/^\{[0-9a-f-]{36}\}$/), '{2027-04-01}', ...still])
  expect(ofTurn(1)).toEqual([id(9), expect.any(String), '{2027-04-01}', ...still])
  expect(ofTurn(2)).toEqual([id(8), expect.any(String), '{2027-04-02}', ...still])
})

test('runs of different statements are no script', () => {
  const run = (text: string) => [{ text, name: '', parameters: [] }]
  expect(() => repeatable(run('select 1'), run('select 2'))).toThrow('different statements')
})
