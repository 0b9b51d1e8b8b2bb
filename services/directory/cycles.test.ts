import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Company, type Directory, startDirectory } from './testing.ts'

let directory: Directory
beforeAll(async () => {
  directory = await startDirectory()
})
afterAll(() => directory.close())

const people = 5
const day = fc.integer({ min: 1, max: 28 }).map((n) => `2024-02-${String(n).padStart(2, '0')}`)
const person = fc.nat({ max: people - 1 })
const move = fc.record({
  who: person,
  from: day,
  under: fc.option(person, { freq: 4 }),
  correct: fc.boolean(),
})

interface Edge {
  who: string
  above: string | null
  from: string
  to: string
}

/** The reporting line as it stands, read past all that is tested. */
const edges = ({ tenant }: Company) =>
  directory.db.sudo<Edge>(
    `select employee_id as who, manager_id as above, valid_from::text as from, valid_to::text as to
     from employee_version where tenant = $1`,
    [tenant],
  )

/** Whether somebody is above himself on a day. */
function hasCycle(lines: readonly Edge[], on: string): boolean {
  const above = new Map(
    lines.filter(({ from, to }) => from <= on && on < to).map(({ who, above }) => [who, above]),
  )
  return [...above.keys()].some((start) => {
    let current = above.get(start)
    for (let steps = 0; current && steps < people; steps++) {
      if (current === start) return true
      current = above.get(current)
    }
    return false
  })
}

it('nobody is above himself on any day, whatever is asked at once', async () => {
  let done = 0
  let refused = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(move, { minLength: 2, maxLength: 4 }), { maxLength: 6 }),
      async (rounds) => {
        const company = directory.company()
        const ids = await Promise.all(
          Array.from({ length: people }, async () => (await company.hire({ joinsOn: '2024-01-31' })).id),
        )
        for (const round of rounds) {
          const versions = await directory.db.sudo<{ id: string; version: number }>(
            'select id, version::float8 as version from employee where tenant = $1',
            [company.tenant],
          )
          const versionOf = new Map(versions.map(({ id, version }) => [id, version]))
          const answers = await Promise.all(
            round.map(({ who, from, under, correct }) => {
              const id = ids[who]!
              const target = company.target({ id, version: versionOf.get(id)! })
              const changes = { managerId: under === null ? null : ids[under] }
              return correct
                ? company.send('correctEmployee', { ...target, effectiveFrom: '2024-01-31', changes })
                : company.send('changeEmployee', { ...target, effectiveFrom: from, changes })
            }),
          )
          for (const { status } of answers) {
            expect([200, 409, 412, 422]).toContain(status)
            if (status === 200) done++
            if (status === 422) refused++
          }
        }
        const lines = await edges(company)
        for (let n = 0; n <= 30; n++) {
          const on = Temporal.PlainDate.from('2024-01-31').add({ days: n }).toString()
          expect(hasCycle(lines, on), on).toBe(false)
        }
      },
    ),
    { numRuns: 25 },
  )
  // Both must happen, or nothing was tried.
  expect(done).toBeGreaterThan(20)
  expect(refused).toBeGreaterThan(5)
}, 60_000)
