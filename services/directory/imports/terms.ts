import {
  correct,
  dayBefore,
  type LocalDate,
  type TermsChanges,
  type Timeline,
  update,
  versionOn,
} from '../domain/timeline.ts'

/**
 * A timeline with terms from a date on: by a new version, or by correction of the one that starts then. The same
 * object if nothing differs; undefined if the person is not employed then and something does.
 */
export function setFrom(timeline: Timeline, from: LocalDate, terms: TermsChanges): Timeline | undefined {
  const current = versionOn(timeline, from) ?? timeline.versions.findLast((version) => version.from <= from)
  if (!current) return undefined
  const differs = Object.entries(terms).some(
    ([name, value]) => value !== undefined && current.terms[name as keyof TermsChanges] !== value,
  )
  if (!differs) return timeline
  if (!versionOn(timeline, from)) return undefined
  return current.from === from ? correct(timeline, from, terms) : update(timeline, from, terms)
}

/** Whether a unit is open from a date until the day before another (null: for ever). */
export const covers = (
  { opensOn, closesOn }: { opensOn: LocalDate; closesOn: LocalDate | null },
  from: LocalDate,
  to: LocalDate | null,
) => opensOn <= from && (closesOn === null || (to !== null && dayBefore(to) <= closesOn))
