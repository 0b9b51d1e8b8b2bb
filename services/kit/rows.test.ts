import { describe, expect, it } from 'vitest'
import { DomainError, RemoteProblem } from './problem.ts'
import { eachRow, rowOf } from './rows.ts'
import { text } from './schemas.ts'

const problems = { 'name-taken': { status: 409, title: 'Another one has this name' } }

describe('a request of many rows', () => {
  it('does every row, and tells of each what became of it', async () => {
    const results = await eachRow(['a', 'b', 'c'], problems, async (row) => {
      if (row === 'b') throw new RemoteProblem(409, 'name-taken', { pointer: '/name' })
      return row.toUpperCase()
    })
    expect(results).toEqual([
      { status: 200, done: 'A', problem: null },
      {
        status: 409,
        done: null,
        problem: {
          type: 'https://staffmesh.dev/problems/name-taken',
          title: 'Another one has this name',
          status: 409,
          pointer: '/name',
        },
      },
      { status: 200, done: 'C', problem: null },
    ])
    const answer = rowOf(text(10))
    expect(results.map((result) => answer.parse(result))).toEqual(results)
  })

  it.each([
    new DomainError('deadline-exceeded'),
    new RemoteProblem(503, 'unavailable', {}),
    new TypeError('a defect'),
  ])('fails as a whole by what is no fault of a row: %s', async (error) => {
    const done: number[] = []
    const all = eachRow([1, 2, 3], problems, async (row) => {
      if (row === 2) throw error
      done.push(row)
    })
    await expect(all).rejects.toBe(error)
    expect(done).toEqual([1])
  })
})
