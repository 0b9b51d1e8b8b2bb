import { refuse } from './refuse.ts'

/** A calendar date, YYYY-MM-DD: compares as text. */
export type LocalDate = string

export interface Terms {
  orgUnitId: string | null
  positionId: string | null
  jobTitle: string | null
  managerId: string | null
  location: string | null
  timeZone: string
  employmentType: 'permanent' | 'fixed-term' | 'temporary' | 'contractor' | 'intern'
  fte: number
  costCentre: string | null
}

export interface Employment {
  joinsOn: LocalDate
  leavesOn: LocalDate | null
  leavingReason: string | null
}

/** Terms from a date on. `to` is the day after the last; null: nothing follows. One that applies on no day has to = from. */
export interface Version {
  from: LocalDate
  to: LocalDate | null
  joinsOn: LocalDate
  terms: Terms
}

/** All that was, is and will be: employments and versions by date. */
export interface Timeline {
  employments: readonly Employment[]
  versions: readonly Version[]
}

/** The terms that name something else. */
export type ReferringField = 'orgUnitId' | 'positionId' | 'managerId'

export type TermsChanges = { [K in keyof Terms]?: Terms[K] | undefined }

export const dayAfter = (date: LocalDate): LocalDate =>
  Temporal.PlainDate.from(date).add({ days: 1 }).toString()
export const dayBefore = (date: LocalDate): LocalDate =>
  Temporal.PlainDate.from(date).subtract({ days: 1 }).toString()

const applies = (version: Version) => version.to === null || version.from < version.to

/** The version in force on a date. */
export const versionOn = ({ versions }: Timeline, date: LocalDate): Version | undefined =>
  versions.find((version) => version.from <= date && (version.to === null || date < version.to))

/** The employment that holds a date. */
export const employmentOn = ({ employments }: Timeline, date: LocalDate): Employment | undefined =>
  employments.find(({ joinsOn, leavesOn }) => joinsOn <= date && (leavesOn === null || date <= leavesOn))

export const lastEmployment = ({ employments }: Timeline): Employment => employments.at(-1)!

export function hire(joinsOn: LocalDate, terms: Terms): Timeline {
  return {
    employments: [{ joinsOn, leavesOn: null, leavingReason: null }],
    versions: [{ from: joinsOn, to: null, joinsOn, terms }],
  }
}

/** A new version from a date on, until the next one. */
export function update(timeline: Timeline, from: LocalDate, changes: TermsChanges): Timeline {
  const current = versionOn(timeline, from)
  if (!current) throw refuse('outside-employment', { pointer: '/effectiveFrom' })
  if (current.from === from) throw refuse('version-exists', { pointer: '/effectiveFrom' })
  const version = { ...current, from, terms: merge(current.terms, changes) }
  return chained({ ...timeline, versions: [...timeline.versions, version] })
}

/** Rewrites the version that starts on a date. */
export function correct(timeline: Timeline, from: LocalDate, changes: TermsChanges): Timeline {
  const current = timeline.versions.find((version) => version.from === from && applies(version))
  if (!current) throw refuse('version-not-found', { pointer: '/effectiveFrom' })
  const corrected = { ...current, terms: merge(current.terms, changes) }
  return {
    ...timeline,
    versions: timeline.versions.map((version) => (version === current ? corrected : version)),
  }
}

/** Sets terms over a period, first and last day included; before and after it all stays as it was. */
export function setDuring(
  timeline: Timeline,
  period: { from: LocalDate; to: LocalDate },
  changes: TermsChanges,
): Timeline {
  const after = dayAfter(period.to)
  const resumed = timeline.versions.some(({ from }) => from === after)
    ? timeline
    : versionOn(timeline, after)
      ? update(timeline, after, {})
      : timeline
  const started = versionOn(resumed, period.from)
  if (!started) throw refuse('outside-employment', { pointer: '/startsOn' })
  const begun = started.from === period.from ? resumed : update(resumed, period.from, {})
  return {
    ...begun,
    versions: begun.versions.map((version) =>
      version.from >= period.from && version.from <= period.to
        ? { ...version, terms: merge(version.terms, changes) }
        : version,
    ),
  }
}

/** Ends the employment. Versions planned for later stay, but apply on no day. */
export function terminate(timeline: Timeline, leavesOn: LocalDate, reason: string): Timeline {
  const last = lastEmployment(timeline)
  if (last.leavesOn !== null) throw refuse('already-terminated')
  if (leavesOn < last.joinsOn)
    throw refuse('leaving-before-joining', {
      detail: `The employment starts on ${last.joinsOn}`,
      pointer: '/leavesOn',
    })
  return withLastEmployment(timeline, { ...last, leavesOn, leavingReason: reason })
}

/** Takes the last termination back. */
export function cancelTermination(timeline: Timeline): Timeline {
  const last = lastEmployment(timeline)
  if (last.leavesOn === null) throw refuse('not-terminated')
  return withLastEmployment(timeline, { ...last, leavesOn: null, leavingReason: null })
}

/** A new employment of the same person; what was planned beyond the end of the old one is void now. */
export function rehire(timeline: Timeline, joinsOn: LocalDate, terms: Terms): Timeline {
  const last = lastEmployment(timeline)
  if (last.leavesOn === null) throw refuse('still-employed')
  if (joinsOn <= last.leavesOn)
    throw refuse('employment-overlap', {
      detail: `The last employment ends on ${last.leavesOn}`,
      pointer: '/joinsOn',
    })
  return chained({
    employments: [...timeline.employments, { joinsOn, leavesOn: null, leavingReason: null }],
    versions: [...timeline.versions.filter(applies), { from: joinsOn, to: null, joinsOn, terms }],
  })
}

function withLastEmployment(timeline: Timeline, employment: Employment): Timeline {
  return chained({ ...timeline, employments: [...timeline.employments.slice(0, -1), employment] })
}

function chained({ employments, versions }: Timeline): Timeline {
  const ends = new Map(employments.map(({ joinsOn, leavesOn }) => [joinsOn, leavesOn]))
  return { employments, versions: chain(versions, ({ joinsOn }) => ends.get(joinsOn) ?? null) }
}

/** Puts versions in order; each ends where the next begins, and none outlasts the last day of what it belongs to. */
export function chain<V extends { from: LocalDate; to: LocalDate | null }>(
  versions: readonly V[],
  lastDayOf: (version: V) => LocalDate | null,
): V[] {
  const sorted = versions.toSorted((a, b) => (a.from < b.from ? -1 : 1))
  return sorted.map((version, index) => {
    const lastDay = lastDayOf(version)
    const end = earliest(sorted[index + 1]?.from ?? null, lastDay && dayAfter(lastDay))
    return { ...version, to: end !== null && end < version.from ? version.from : end }
  })
}

/**
 * Whether a timeline already refers to the same all through a version's days: then nothing new is referred to, and
 * what has become odd meanwhile (an imported manager who joined later, a position closed since) stands in no one's way.
 */
export function alreadyRefers(
  { versions }: Timeline,
  { from, to, terms }: Version,
  field: ReferringField,
): boolean {
  const during = versions.filter(
    (version) =>
      applies(version) && (to === null || version.from < to) && (version.to === null || from < version.to),
  )
  const end = during.at(-1)?.to
  return (
    during.length > 0 &&
    during[0]!.from <= from &&
    (end === null || (to !== null && to <= end!)) &&
    during.every((version) => version.terms[field] === terms[field])
  )
}

const earliest = (a: LocalDate | null, b: LocalDate | null) => (a === null ? b : b === null || a < b ? a : b)

/** Absent fields stay. */
function merge(terms: Terms, changes: TermsChanges): Terms {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  return { ...terms, ...Object.fromEntries(given) }
}
