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
  target: Person
  unit: { id: string; version: number }
  position: { id: string; version: number }
  import: { id: string }
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
    const me = await this.hire(this.home)
    const target = await this.targetOf(relation, me, admin)
    const { act } = this.workforce
    const opened = { code: unique(), name: 'Unit', opensOn: '2020-01-01' }
    const unit = await act('createOrgUnit', opened, admin)
    const inUnit = { code: unique(), title: 'Position', orgUnitId: unit.id }
    const position = await act('createPosition', inUnit, admin)
    const created = await act('createImport', { kind: 'employees' }, admin)
    const caller = { tenant: this.home.tenant, account: me.account.id, employee: me.id }
    return { caller, admin, target, unit, position, import: created, act }
  }

  private async targetOf(relation: Relation, me: Person, admin: TestCaller): Promise<Person> {
    if (relation === 'self') return me
    if (relation === 'direct') return this.hire(admin, me.id)
    if (relation === 'indirect') return this.hire(admin, (await this.hire(admin, me.id)).id)
    return this.hire(admin)
  }

  private async hire(admin: TestCaller, managerId?: string): Promise<Person> {
    const employee = await this.workforce.act(
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
      this.workforce.identityApp,
      'provisionAccount',
      { employeeId: employee.id, email: `${unique()}@example.com`, roles: [] },
      admin,
    )
    const { account } = answer.body as { account: { id: string; version: number } }
    const { id, employeeNumber, version } = employee
    return { id, number: employeeNumber, version, account }
  }
}
