export interface Employment {
  /** First day, YYYY-MM-DD. */
  joinsOn: string
  /** Last day, where it is known. */
  leavesOn: string | null
}

/** What applies from a day on. */
export interface Terms {
  effectiveFrom: string
  /** IANA time zone in which the employee's days begin and end. */
  timeZone: string
  managerId: string | null
}

/** An employment as instants: when the first day begins and the last one ends. */
export interface Period {
  begin: Date
  end: Date | null
}

/** The instant at which a day begins in a zone; where clocks skip midnight, the first one after. */
const startOf = (day: Temporal.PlainDate, zone: string) =>
  new Date(day.toZonedDateTime(zone).epochMilliseconds)

const byDate = (a: Terms, b: Terms) => (a.effectiveFrom < b.effectiveFrom ? -1 : 1)

/** The zone on a day; before the first terms that of the first. */
function zoneOn(terms: readonly Terms[], day: string): string {
  const sorted = terms.toSorted(byDate)
  const inForce = sorted.findLast((one) => one.effectiveFrom <= day) ?? sorted[0]
  return inForce?.timeZone ?? 'UTC'
}

/** The employment that counts now: the running one, else the next, else the last. */
export function periodAt(
  employments: readonly Employment[],
  terms: readonly Terms[],
  now: Date,
): Period | null {
  const periods = employments
    .map(({ joinsOn, leavesOn }) => ({
      begin: startOf(Temporal.PlainDate.from(joinsOn), zoneOn(terms, joinsOn)),
      end:
        leavesOn === null
          ? null
          : startOf(Temporal.PlainDate.from(leavesOn).add({ days: 1 }), zoneOn(terms, leavesOn)),
    }))
    .sort((a, b) => a.begin.getTime() - b.begin.getTime())
  return periods.find(({ end }) => end === null || end > now) ?? periods.at(-1) ?? null
}

/** Whom the employee reports to now, and when that changes. */
export function managerAt(
  terms: readonly Terms[],
  now: Date,
): { managerId: string | null; changesAt: Date | null } {
  const starts = terms.toSorted(byDate).map(({ effectiveFrom, timeZone, managerId }) => ({
    managerId,
    at: startOf(Temporal.PlainDate.from(effectiveFrom), timeZone),
  }))
  const managerId = (starts.findLast(({ at }) => at <= now) ?? starts[0])?.managerId ?? null
  const change = starts.find((one) => one.at > now && one.managerId !== managerId)
  return { managerId, changesAt: change?.at ?? null }
}
