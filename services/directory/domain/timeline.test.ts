import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DomainError } from '#kit/problem.ts'
import {
  alreadyRefers,
  cancelTermination,
  correct,
  hire,
  rehire,
  setDuring,
  type Terms,
  type Timeline,
  terminate,
  update,
  versionOn,
} from './timeline.ts'

const terms: Terms = {
  orgUnitId: null,
  positionId: null,
  jobTitle: null,
  managerId: null,
  location: null,
  timeZone: 'UTC',
  employmentType: 'permanent',
  fte: 1,
  costCentre: null,
}

/** Dates that meet each other often. */
const date = fc
  .integer({ min: 0, max: 40 })
  .map((days) => Temporal.PlainDate.from('2024-02-20').add({ days }).toString())
const title = fc.constantFrom('a', 'b', 'c')

type Step = (timeline: Timeline) => Timeline
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(date, title).map(
    ([from, jobTitle]): Step =>
      (timeline) =>
        update(timeline, from, { jobTitle }),
  ),
  fc.tuple(date, title).map(
    ([from, jobTitle]): Step =>
      (timeline) =>
        correct(timeline, from, { jobTitle }),
  ),
  fc.tuple(date, date, title).map(
    ([one, other, jobTitle]): Step =>
      (timeline) =>
        setDuring(timeline, one < other ? { from: one, to: other } : { from: other, to: one }, { jobTitle }),
  ),
  date.map(
    (leavesOn): Step =>
      (timeline) =>
        terminate(timeline, leavesOn, 'reason'),
  ),
  fc.constant<Step>(cancelTermination),
  date.map(
    (joinsOn): Step =>
      (timeline) =>
        rehire(timeline, joinsOn, terms),
  ),
)

/** Takes steps; those that a rule refuses change nothing. */
function walk(joinsOn: string, steps: readonly Step[]): Timeline {
  let timeline = hire(joinsOn, terms)
  for (const next of steps)
    try {
      timeline = next(timeline)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  return timeline
}

const days = Array.from({ length: 60 }, (_, i) =>
  Temporal.PlainDate.from('2024-02-10').add({ days: i }).toString(),
)

describe('a timeline', () => {
  it('has exactly one version on each day of an employment, and none on others', () => {
    fc.assert(
      fc.property(date, fc.array(step, { maxLength: 12 }), (joinsOn, steps) => {
        const timeline = walk(joinsOn, steps)
        for (const day of days) {
          const employed = timeline.employments.filter(
            (one) => one.joinsOn <= day && (one.leavesOn === null || day <= one.leavesOn),
          )
          const inForce = timeline.versions.filter(({ from, to }) => from <= day && (to === null || day < to))
          expect(employed.length).toBeLessThanOrEqual(1)
          expect(inForce).toHaveLength(employed.length)
        }
        for (const { joinsOn } of timeline.employments)
          expect(timeline.versions.filter(({ from }) => from === joinsOn)).toHaveLength(1)
        expect(new Set(timeline.versions.map(({ from }) => from))).toHaveLength(timeline.versions.length)
      }),
    )
  })

  it('changes by an update on no day before it, and until the next version', () => {
    fc.assert(
      fc.property(date, fc.array(step, { maxLength: 8 }), date, (joinsOn, steps, from) => {
        const before = walk(joinsOn, steps)
        const current = versionOn(before, from)
        if (!current || current.from === from) return
        const after = update(before, from, { jobTitle: 'new' })
        for (const day of days) {
          const changed = day >= from && (current.to === null || day < current.to)
          const expected = changed ? 'new' : versionOn(before, day)?.terms.jobTitle
          expect(versionOn(after, day)?.terms.jobTitle).toBe(expected)
        }
      }),
    )
  })

  it('is as before when a termination is taken back', () => {
    fc.assert(
      fc.property(date, fc.array(step, { maxLength: 8 }), date, (joinsOn, steps, leavesOn) => {
        const before = walk(joinsOn, steps)
        const last = before.employments.at(-1)!
        if (last.leavesOn !== null || leavesOn < last.joinsOn) return
        expect(cancelTermination(terminate(before, leavesOn, 'reason'))).toEqual(before)
      }),
    )
  })

  it('is set during a time, once or twice alike, and untouched outside', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 5 }), date, date, (steps, one, other) => {
        const before = walk('2024-02-20', steps)
        const period = one < other ? { from: one, to: other } : { from: other, to: one }
        if (days.some((day) => day >= period.from && day <= period.to && !versionOn(before, day))) return
        const after = setDuring(before, period, { jobTitle: 'then' })
        expect(setDuring(after, period, { jobTitle: 'then' })).toEqual(after)
        for (const day of days) {
          const inside = day >= period.from && day <= period.to
          const expected = inside ? 'then' : versionOn(before, day)?.terms.jobTitle
          expect(versionOn(after, day)?.terms.jobTitle).toBe(expected)
        }
      }),
    )
  })
})

describe('a reference', () => {
  it('is new only on days on which it was not there', () => {
    const start = hire('2024-01-01', { ...terms, managerId: 'm' })
    const later = update(start, '2024-02-01', { location: 'Oslo' })
    expect(alreadyRefers(start, later.versions[1]!, 'managerId')).toBe(true)
    const other = update(start, '2024-02-01', { managerId: 'n' })
    expect(alreadyRefers(start, other.versions[1]!, 'managerId')).toBe(false)
    const ended = terminate(start, '2024-06-30', 'reason')
    expect(alreadyRefers(ended, start.versions[0]!, 'managerId')).toBe(false)
  })
})
