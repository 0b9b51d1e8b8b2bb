import type { Random } from './random.ts'
import type { Person, Staff } from './staff.ts'

export interface NewTerms {
  orgUnit?: string
  position?: string
  manager?: string
  employmentType?: Person['employmentType']
  fte?: number
  costCentre?: string
}

/** What has happened to people since they joined, or is going to; in the order in which it is entered. */
export type Change = { who: string; on: string } & (
  | { do: 'change'; to: NewTerms }
  | { do: 'transfer'; to: NewTerms }
  | { do: 'terminate'; reason: string }
  | { do: 'rehire' }
)

interface Biographies {
  random: Random
  staff: Staff
  leads: Person[]
  members: Person[]
  /** They stay as they are. */
  spared: string[]
}

/** What happened and will happen to members, and the newcomers; to each person one thing, so dates never collide. */
export function biographies({ random, staff, leads, members, spared }: Biographies): Change[] {
  const pool = members.filter(({ number }) => !spared.includes(number))
  const take = (count: number, years = 0) =>
    Array.from({ length: count }, () => {
      const person = random.pick(pool.filter(({ joinsOn }) => staff.daysUntil(joinsOn) < -years * 365))
      pool.splice(pool.indexOf(person), 1)
      return person
    })
  const past = (person: Person) => staff.day(random.between(staff.daysUntil(person.joinsOn) + 200, -30))
  const soon = () => staff.day(random.between(5, 120))

  const change = ({ number }: Person, on: string, to: NewTerms) =>
    ({ do: 'change', who: number, on, to }) as const
  const promote = (person: Person, on: string) => change(person, on, { position: `${person.orgUnit}-SENIOR` })
  /** To another team at the same site whose lead is there by then. */
  const move = (person: Person, on: string) => {
    const isFit = (lead: Person) =>
      lead.location === person.location && lead.number !== person.manager && lead.joinsOn <= on
    const { number: manager, orgUnit, costCentre } = random.pick(leads.filter(isFit))
    const to = { manager, orgUnit, costCentre, position: `${orgUnit}-STAFF` }
    return { do: 'transfer', who: person.number, on, to } as const
  }
  const leave = ({ number }: Person, on: string) =>
    ({ do: 'terminate', who: number, on, reason: random.pick(['Resignation', 'End of contract']) }) as const
  const rehire = ({ number }: Person, inDays: number) =>
    ({ do: 'rehire', who: number, on: staff.day(inDays) }) as const

  const leavers = take(8, 2)
  const soonLeavers = take(4)
  const soonMovers = take(6)
  const newcomers = take(6).map((colleague) => staff.addColleague(colleague, random.between(3, 60)))
  const changes = [
    ...take(45, 2).map((person) => promote(person, past(person))),
    ...take(12, 1).map((person) => change(person, past(person), { fte: 0.8 })),
    ...take(10, 3).map((person) => move(person, past(person))),
    ...leavers.map((person) => leave(person, past(person))),
    rehire(leavers[0]!, -10),
    rehire(leavers[1]!, 40),
    ...take(4, 1).map((person) => promote(person, soon())),
    ...soonMovers.map((person) => move(person, soon())),
    ...soonLeavers.map((person) => leave(person, soon())),
  ]
  const spares = members.filter(({ number }) => spared.includes(number))
  const inMotion = [...spares, ...leavers, ...soonLeavers, ...soonMovers, ...newcomers]
  return [...changes, ...succession({ leads, members, inMotion, changes, staff })]
}

/** A lead leaves in two months; from the day after, the team reports to another lead of the department. */
function succession({
  leads,
  members,
  inMotion,
  changes,
  staff,
}: {
  leads: Person[]
  members: Person[]
  inMotion: Person[]
  changes: Change[]
  staff: Staff
}): Change[] {
  const isNewManager = ({ number }: Person) =>
    changes.some((each) => 'to' in each && each.to.manager === number)
  const isSettled = (lead: Person) =>
    !isNewManager(lead) && !inMotion.some(({ manager }) => manager === lead.number)
  const hasLeft = ({ number }: Person) =>
    changes.some((each) => each.who === number && each.do === 'transfer')
  for (const lead of leads.filter(isSettled)) {
    const successor = leads.find(({ orgUnit, number }) => orgUnit === lead.orgUnit && number !== lead.number)
    if (!successor) continue
    const team = members.filter((person) => person.manager === lead.number && !hasLeft(person))
    return [
      ...team.map(({ number }) => ({
        do: 'change' as const,
        who: number,
        on: staff.day(61),
        to: { manager: successor.number },
      })),
      { do: 'terminate', who: lead.number, on: staff.day(60), reason: 'Resignation' },
    ]
  }
  throw new Error('Every lead is part of another change: choose another seed')
}
