import { type Country, nameIn } from './names.ts'
import { sites } from './organization.ts'
import type { Random } from './random.ts'

const domain = 'meridian-optics.example'

export interface Person {
  number: string
  givenName: string
  familyName: string
  displayName: string
  nameOrder: 'given-first' | 'family-first'
  email: string
  phone: string
  birthDate: string
  joinsOn: string
  orgUnit: string
  position: string
  manager?: string
  location: string
  timeZone: string
  employmentType: 'permanent' | 'fixed-term' | 'intern'
  fte: number
  costCentre: string
}

interface Place {
  country: Country
  orgUnit: string
  position: string
  costCentre: string
  manager?: Person
}

/** The people of the company, with the dates that make sense for each. */
export class Staff {
  readonly people: Person[] = []
  private readonly today: Temporal.PlainDate
  private readonly random: Random
  private readonly addresses = new Map<string, number>()

  constructor(today: string, random: Random) {
    this.today = Temporal.PlainDate.from(today)
    this.random = random
  }

  /** The date so many days from today. */
  day(offset: number): string {
    return this.today.add({ days: offset }).toString()
  }

  daysUntil(date: string): number {
    return this.today.until(date, { largestUnit: 'days' }).days
  }

  holding(position: string): string {
    return this.people.find((person) => person.position === position)!.number
  }

  /** A person who joined some time after the manager did, or on the day that is told. */
  add({ country, manager, ...place }: Place, joinsIn?: number): Person {
    const { random } = this
    const name = nameIn(country, random)
    const { location, timeZone, phone } = sites[country]
    const number = `M${String(this.people.length + 1001)}`
    const earliest = manager ? this.daysUntil(manager.joinsOn) : -15 * 365
    // Leaders join early in the time that is left, others at any time of it.
    const isLeader = !/STAFF|SENIOR/.test(place.position)
    const latest = isLeader ? Math.min(-400, earliest + 700) : -60
    const joins = joinsIn ?? random.between(earliest, Math.max(earliest, latest))
    const age = random.between(isLeader ? 30 : 20, isLeader ? 50 : 45)
    const person: Person = {
      number,
      givenName: name.given,
      familyName: name.family,
      displayName: displayName(name),
      nameOrder: name.order,
      email: this.address(name.latin),
      phone: phone + String(this.people.length).padStart(3, '0'),
      birthDate: this.day(joins - age * 365 - random.between(0, 364)),
      joinsOn: this.day(joins),
      ...place,
      location,
      timeZone,
      employmentType: isLeader || random.chance(0.9) ? 'permanent' : random.pick(['fixed-term', 'intern']),
      fte: isLeader || random.chance(0.85) ? 1 : random.pick([0.5, 0.6, 0.8]),
      ...(manager && { manager: manager.number }),
    }
    this.people.push(person)
    return person
  }

  /** Somebody for the same job. */
  addColleague({ location, orgUnit, costCentre, position, manager }: Person, joinsIn: number): Person {
    const country = (Object.keys(sites) as Country[]).find((each) => sites[each].location === location)!
    const boss = this.people.find(({ number }) => number === manager)!
    return this.add({ country, orgUnit, costCentre, position, manager: boss }, joinsIn)
  }

  /** Two people of one name get different addresses. */
  private address(latin: string): string {
    const count = (this.addresses.get(latin) ?? 0) + 1
    this.addresses.set(latin, count)
    return `${latin}${count > 1 ? count : ''}@${domain}`
  }
}

/** Chinese names are written without a space. */
const displayName = ({
  given,
  family,
  order,
}: {
  given: string
  family: string
  order: Person['nameOrder']
}) =>
  order === 'given-first'
    ? `${given} ${family}`
    : /\p{Script=Han}/u.test(family)
      ? family + given
      : `${family} ${given}`
