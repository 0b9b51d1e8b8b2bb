import { randomUUID } from 'node:crypto'
import { post, type TestCaller } from '#kit/testing.ts'
import type { TestWorkforce } from '../testing.ts'
import type { Relation } from './matrix.ts'

export interface Person {
  id: string
  number: string
  version: number
  account: { id: string; version: number }
}

/** Who calls, and whom or what the operation is aimed at. Nobody reports to the target. */
export interface Scene {
  /** The caller's tenant and employee; the matrix gives the roles. */
  caller: TestCaller
  /** The HR administrator of the target's company. */
  admin: TestCaller
  relation: Relation
  target: Person
  /** Whom the target reports to, the caller or somebody else. */
  manager?: Person
  unit: { id: string; version: number }
  position: { id: string; version: number }
  import: { id: string }
  workforce: TestWorkforce
  act: TestWorkforce['act']
}

export const unique = () => randomUUID().slice(0, 8)

/** Sets up what one cell of the matrix needs. */
export class Stage {
  private readonly workforce: TestWorkforce
  private readonly home: TestCaller
  private readonly abroad: TestCaller

  private constructor(workforce: TestWorkforce, home: TestCaller, abroad: TestCaller) {
    this.workforce = workforce
    this.home = home
    this.abroad = abroad
  }

  static async open(workforce: TestWorkforce): Promise<Stage> {
    return new Stage(workforce, await workforce.newCompany(), await workforce.newCompany())
  }

  async scene(relation: Relation): Promise<Scene> {
    const admin = relation === 'foreign' ? this.abroad : this.home
    const me = await hire(this.workforce, this.home)
    const manager = await this.managerOf(relation, me)
    const target = relation === 'self' ? me : await hire(this.workforce, admin, manager?.id)
    const { workforce } = this
    const { act } = workforce
    const opened = { code: unique(), name: 'Unit', opensOn: '2020-01-01' }
    const unit = await act('createOrgUnit', opened, admin)
    const inUnit = { code: unique(), title: 'Position', orgUnitId: unit.id }
    const position = await act('createPosition', inUnit, admin)
    const created = await act('createImport', { kind: 'employees' }, admin)
    const caller = { tenant: this.home.tenant, account: me.account.id, employee: me.id }
    const of = { unit, position, import: created, ...(manager ? { manager } : {}) }
    return { caller, admin, relation, target, ...of, workforce, act }
  }

  private async managerOf(relation: Relation, me: Person): Promise<Person | undefined> {
    if (relation === 'direct') return me
    if (relation === 'indirect') return hire(this.workforce, this.home, me.id)
    if (relation === 'deputy') return hire(this.workforce, this.home)
    return undefined
  }
}

/** Somebody new in the company of an administrator. */
export async function hire(workforce: TestWorkforce, admin: TestCaller, managerId?: string): Promise<Person> {
  const employee = await workforce.act(
    'hireEmployee',
    {
      person: { givenName: 'Ada', familyName: 'Lovelace' },
      employeeNumber: unique(),
      joinsOn: '2020-01-01',
      terms: { timeZone: 'Europe/London', ...(managerId ? { managerId } : {}) },
    },
    admin,
  )
  // What lifecycle does when it reads that somebody was hired.
  const answer = await post(
    workforce.apps.identity,
    'provisionAccount',
    { employeeId: employee.id, email: `${unique()}@example.com`, roles: [] },
    admin,
  )
  const { account } = answer.body as { account: { id: string; version: number } }
  const { id, employeeNumber, version } = employee
  return { id, number: employeeNumber, version, account }
}
