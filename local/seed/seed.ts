import { type Addresses, type Clients, clientsAs } from './client.ts'
import { generateCompany } from './company.ts'
import { enter } from './enter.ts'
import { acceptInvitation } from './password.ts'

export interface Seeding {
  /** Where identity and directory listen, past the edge. Identity's worker need not run; directory's does. */
  addresses: Addresses
  /** The day that the company is generated for. */
  today: string
}

export interface DemoAccount {
  role: 'operator' | 'hr-admin' | 'manager' | 'employee'
  /** What the login asks for: company, e-mail address, password. */
  company: string
  email: string
  password: string
  name: string
  employeeId?: string
}

export interface Demo {
  company: { name: string; slug: string }
  accounts: DemoAccount[]
}

/**
 * Fills an empty system with the demo company through the operations that anybody would use, and makes the demo
 * accounts, whose passwords are made up here. The launcher runs `main.ts`, once every process is ready, keeps the
 * answer (`Demo`) in the data directory, and prints it. A system that was left before that has an answer is seeded
 * by halves: the launcher begins such a one anew.
 */
export async function seedDemo({ addresses, today }: Seeding): Promise<Demo> {
  const as = clientsAs(addresses)
  const company = generateCompany(today)
  const { people, demo } = company
  const personOf = (number: string) => people.find((person) => person.number === number)!
  // Nobody has an account yet; whoever starts the system may create tenants.
  const nobody = '00000000-0000-7000-8000-000000000000'
  const starter = as(nobody, nobody, 'operator:all').identity

  const hrAdmin = personOf(demo.hrAdmin)
  const operations = { name: 'Staffmesh Operations', slug: 'operations', email: 'operator@staffmesh.example' }
  const [platform, customer] = [
    await starter.createTenant({
      slug: operations.slug,
      companyName: operations.name,
      firstAdmin: { email: operations.email, displayName: 'Operator' },
    }),
    await starter.createTenant({
      slug: company.slug,
      companyName: company.name,
      firstAdmin: { email: hrAdmin.email, displayName: hrAdmin.displayName },
    }),
  ]
  const operator = as(platform.tenant.id, nobody, 'operator:all', 'hr-admin:all').identity
  await operator.setRoles({
    accountId: platform.admin.id,
    roles: [
      { role: 'operator', reach: 'all' },
      { role: 'hr-admin', reach: 'all' },
    ],
    version: platform.admin.version,
  })

  const admin = as(customer.tenant.id, customer.admin.id, 'hr-admin:all')
  const employees = await enter(company, admin.directory)

  const account = async (
    role: DemoAccount['role'],
    number: string,
    roles: Parameters<Clients['identity']['provisionAccount']>[0]['roles'],
  ): Promise<DemoAccount> => {
    const { email, displayName: name } = personOf(number)
    const employeeId = employees.get(number)!.id
    const { account } = await admin.identity.provisionAccount({ employeeId, email, displayName: name, roles })
    const { url } = await admin.identity.issueInvitation({ accountId: account.id })
    return {
      role,
      company: company.slug,
      email,
      password: await acceptInvitation(url, addresses.identity),
      name,
      employeeId,
    }
  }
  const { url } = await operator.issueInvitation({ accountId: platform.admin.id })
  const accounts = await Promise.all([
    account('hr-admin', demo.hrAdmin, [
      { role: 'manager', reach: 'reports' },
      { role: 'employee', reach: 'self' },
    ]),
    account('manager', demo.manager, [
      { role: 'manager', reach: 'reports' },
      { role: 'employee', reach: 'self' },
    ]),
    account('employee', demo.employee, [{ role: 'employee', reach: 'self' }]),
    acceptInvitation(url, addresses.identity).then(
      (password): DemoAccount => ({
        role: 'operator',
        company: operations.slug,
        email: operations.email,
        password,
        name: 'Operator',
      }),
    ),
  ])
  return { company: { name: company.name, slug: company.slug }, accounts }
}
