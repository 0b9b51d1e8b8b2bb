import { biographies, type Change } from './biographies.ts'
import {
  company,
  departments,
  divisions,
  type Position,
  positions,
  type Unit,
  units,
} from './organization.ts'
import { randomFrom } from './random.ts'
import { type Person, Staff } from './staff.ts'

export interface Company {
  name: string
  slug: string
  opensOn: string
  units: Unit[]
  positions: Position[]
  /** Managers before their reports. */
  people: Person[]
  changes: Change[]
  /** Employee numbers of those who get a demo account. */
  demo: { hrAdmin: string; manager: string; employee: string }
}

/** The demo company as it looks on a day: the same for the same seed and day, whatever the machine. */
export function generateCompany(today: string, seed = 9): Company {
  const random = randomFrom(seed)
  const staff = new Staff(today, random)
  const chief = staff.add({ country: 'DE', orgUnit: company.code, position: 'MO-CEO', costCentre: '1000' })
  const leads: Person[] = []
  const members: Person[] = []
  for (const division of divisions) {
    const head = staff.add({
      country: division.country,
      orgUnit: division.code,
      position: `${division.code}-CHIEF`,
      costCentre: division.costCentre,
      manager: chief,
    })
    for (const unit of departments.filter(({ parent }) => parent === division.code)) {
      const place = { country: unit.country, orgUnit: unit.code, costCentre: unit.costCentre }
      const add = (rank: string, manager: Person) =>
        staff.add({ ...place, position: `${unit.code}-${rank}`, manager })
      const boss = add('HEAD', head)
      const managers = unit.teams === 0 ? [boss] : Array.from({ length: unit.teams }, () => add('LEAD', boss))
      if (unit.teams > 0) leads.push(...managers)
      for (const manager of managers) for (let n = 0; n < unit.size; n++) members.push(add('STAFF', manager))
    }
  }
  const demo = {
    hrAdmin: staff.holding('HR-CHIEF'),
    manager: staff.holding('ENG-SW-HEAD'),
    employee: members.find(({ orgUnit }) => orgUnit === 'ENG-SW')!.number,
  }
  const changes = biographies({ random, staff, leads, members, spared: Object.values(demo) })
  return {
    name: company.name,
    slug: 'meridian',
    opensOn: staff.day(-20 * 365),
    units,
    positions,
    people: staff.people,
    changes,
    demo,
  }
}
