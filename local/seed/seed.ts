import { type Addresses, type Clients, clientsAs } from './client.ts'
import { generateCompany } from './company.ts'
import { enter } from './enter.ts'
import { enterLeave } from './leave.ts'
import { acceptInvitation } from './password.ts'

export interface Seeding {
  /** Where the data services listen, past the edge. Of their workers only directory's need run. */
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
 * answer (`Demo`) in the data directory, and prints it. A start that ended before there is an answer leaves half a
 * company: the launcher begins such a one anew.
 */
export async function seedDemo({ addresses, today }: Seeding): Promise<Demo> {
  const as = clientsAs(addresses)
  const company = generateCompany(today)
  const personOf = (number: string) => company.people.find((person) => person.number === number)!
  // Nobody has an account yet; whoever starts the system may create tenants.
  const starter = as({ tenant: nobody, account: nobody }, 'operator:all').identity

  const operator = await createOperator(as, starter, addresses.identity)
  const hrAdmin = personOf(company.demo.hrAdmin)
  const { tenant, admin } = await starter.createTenant({
    slug: company.slug,
    companyName: company.name,
    firstAdmin: { email: hrAdmin.email, displayName: hrAdmin.displayName },
  })
  const { directory, identity } = as({ tenant: tenant.id, account: admin.id }, 'hr-admin:all')
  const employees = await enter(company, directory)
  const hr = { account: admin.id, employeeId: employees.get(company.demo.hrAdmin)!.id }
  const leave = enterLeave({ company, today, tenant: tenant.id, as, employees, hrAdmin: hr })

  const account = async (role: DemoAccount['role'], number: string, roles: Roles): Promise<DemoAccount> => {
    const { email, displayName: name } = personOf(number)
    const employeeId = employees.get(number)!.id
    const { account } = await identity.provisionAccount({ employeeId, email, displayName: name, roles })
    const { url } = await identity.issueInvitation({ accountId: account.id })
    const password = await acceptInvitation(url, addresses.identity)
    return { role, company: company.slug, email, password, name, employeeId }
  }
  const accounts = await Promise.all([
    // The first account of the company, which becomes that of the employee with the same address.
    account('hr-admin', company.demo.hrAdmin, leads),
    account('manager', company.demo.manager, leads),
    account('employee', company.demo.employee, works),
  ])
  await leave
  return { company: { name: company.name, slug: company.slug }, accounts: [...accounts, operator] }
}

const nobody = '00000000-0000-7000-8000-000000000000'

type Roles = Parameters<Clients['identity']['provisionAccount']>[0]['roles']
/** What lifecycle gives for an employment, too. */
const works: Roles = [{ role: 'employee', reach: 'self' }]
const leads: Roles = [...works, { role: 'manager', reach: 'reports' }]

/** The tenant of those who run the platform, and one of them. */
async function createOperator(
  as: ReturnType<typeof clientsAs>,
  starter: Clients['identity'],
  identity: string,
): Promise<DemoAccount> {
  const company = 'operations'
  const email = 'operator@staffmesh.example'
  const name = 'Operator'
  const { tenant, admin } = await starter.createTenant({
    slug: company,
    companyName: 'Staffmesh Operations',
    firstAdmin: { email, displayName: name },
  })
  const own = () => as({ tenant: tenant.id, account: nobody }, 'operator:all', 'hr-admin:all').identity
  await own().setRoles({
    accountId: admin.id,
    roles: [
      { role: 'operator', reach: 'all' },
      { role: 'hr-admin', reach: 'all' },
    ],
    version: admin.version,
  })
  const { url } = await own().issueInvitation({ accountId: admin.id })
  return { role: 'operator', company, email, password: await acceptInvitation(url, identity), name }
}
