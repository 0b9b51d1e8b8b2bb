import { refuse } from './refuse.ts'
import { chain, type LocalDate } from './timeline.ts'

export interface UnitTerms {
  name: string
  parentId: string | null
  headId: string | null
  costCentre: string | null
}

export interface UnitVersion {
  from: LocalDate
  to: LocalDate | null
  terms: UnitTerms
}

/** An org unit from its first day to its last. */
export interface OrgUnit {
  opensOn: LocalDate
  closesOn: LocalDate | null
  versions: readonly UnitVersion[]
}

export const open = (opensOn: LocalDate, terms: UnitTerms): OrgUnit => ({
  opensOn,
  closesOn: null,
  versions: [{ from: opensOn, to: null, terms }],
})

/** Changes a unit from a date on, until the next change; what starts on that very date is corrected. */
export function change(
  unit: OrgUnit,
  from: LocalDate,
  changes: { [K in keyof UnitTerms]?: UnitTerms[K] | undefined },
): OrgUnit {
  const current = unit.versions.find(
    (version) => version.from <= from && (version.to === null || from < version.to),
  )
  if (!current)
    throw refuse('org-unit-closed', {
      detail: `The unit is open from ${unit.opensOn} until ${unit.closesOn ?? 'open end'}`,
      pointer: '/effectiveFrom',
    })
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  const changed = { ...current, from, terms: { ...current.terms, ...given } }
  const others = unit.versions.filter((version) => version.from !== from)
  return { ...unit, versions: chain([...others, changed], () => unit.closesOn) }
}

/** Sets the last day, or takes it back. */
export function close(unit: OrgUnit, closesOn: LocalDate | null): OrgUnit {
  if (closesOn !== null && closesOn < unit.opensOn)
    throw refuse('org-unit-closed', { detail: `The unit opens on ${unit.opensOn}`, pointer: '/closesOn' })
  return { ...unit, closesOn, versions: chain(unit.versions, () => closesOn) }
}
