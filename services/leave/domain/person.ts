import { dayIn } from './dates.ts'
import type { Employment, Person, Terms } from './model.ts'

/** The terms in force on a day; before the first those, after the last those. */
export function termsOn(person: Person, date: string): Terms {
  const found = person.terms.findLast(({ from }) => from <= date) ?? person.terms[0]
  if (!found) throw new Error(`Employee ${person.id} has no terms`)
  return found
}

/** The employment that a day lies in. */
export const employmentOn = (person: Person, date: string): Employment | undefined =>
  person.employments.find(
    ({ joinsOn, leavesOn }) => joinsOn <= date && (leavesOn === null || date <= leavesOn),
  )

/** Whether the person is employed on a day or will be later. */
export const isEmployedFrom = (person: Person, date: string): boolean =>
  person.employments.some(({ leavesOn }) => leavesOn === null || date <= leavesOn)

/** The day that it is where the person works. */
export const todayOf = (person: Person, now: Date): string => {
  const inUtc = now.toISOString().slice(0, 10)
  return dayIn(termsOn(person, inUtc).timeZone, now)
}
