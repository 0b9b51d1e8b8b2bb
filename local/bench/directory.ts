import { type Comparison, compare } from './compare.ts'
import { type ImportResult, measureImport } from './import.ts'
import { connections, once, type Request } from './load.ts'
import { compareReads } from './reads.ts'
import { record } from './record.ts'
import { costly, report, say } from './report.ts'
import { repeatable, type Script } from './script.ts'
import { type Company, tidy, type World } from './world.ts'

interface Employee {
  id: string
  version: number
}

const scope = { reach: 'all' }

/** An import of people, and reads and changes of them; reads through workforce too. */
export async function benchDirectory(world: World, rows: number): Promise<void> {
  const company = world.company()
  reportImport(await measureImport(world, company, rows))
  await tidy(world, 'directory')
  const employees = await sample(world, company, 2000)
  report(
    'employee, directory',
    await compareReads(world, company, ['directory'], employees, directoryRead(company)),
    '0.5 at least',
  )
  report('change of a person, directory', await compareCommands(world, company, employees), '0.4 at least')
  report(
    'employee, workforce → directory',
    await compareReads(world, company, ['workforce', 'directory'], employees, workforceRead(company)),
    'under 0.9 CPU-ms',
  )
}

/** Some employees of all parts of the reporting tree. */
async function sample(
  { addresses: { directory } }: World,
  { headers }: Company,
  count: number,
): Promise<Employee[]> {
  const found: Employee[] = []
  let cursor: string | null | undefined
  do {
    const body = JSON.stringify({ limit: 200, scope, ...(cursor && { cursor }) })
    const page = (await once(directory, { method: 'POST', path: '/searchEmployees', headers, body })) as {
      items: Employee[]
      next: string | null
    }
    found.push(...page.items)
    cursor = page.next
  } while (cursor && found.length < count)
  return found.slice(0, count)
}

const directoryRead =
  ({ headers }: Company) =>
  ({ id }: Employee): Request => ({
    method: 'POST',
    path: '/getEmployee',
    headers,
    body: JSON.stringify({ employeeId: id, scope }),
  })

const workforceRead =
  ({ headers }: Company) =>
  ({ id }: Employee): Request => ({ method: 'GET', path: `/v1/employees/${id}`, headers })

const directoryCommand = ({ headers }: Company) => {
  let count = 0
  return (employee: Employee): Request => ({
    method: 'POST',
    path: '/changePerson',
    headers: { ...headers, 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({
      employeeId: employee.id,
      expectedVersion: employee.version++,
      changes: { phone: `+49 30 ${String(count++).padStart(9, '0')}` },
      scope,
    }),
  })
}

/** Commands, on each connection to one employee, beside the statements of one of them, repeated on other employees. */
async function compareCommands(world: World, company: Company, employees: Employee[]): Promise<Comparison> {
  const { directory } = world.addresses
  const command = directoryCommand(company)
  const run = (employee: Employee) => once(directory, command(employee))
  const recorded = (employee: Employee) => record(world, company.tenant, () => run(employee))
  await run(employees[0]!)
  const theirs = employees.slice(connections, 2 * connections)
  const scripts: Script[] = []
  for (const employee of theirs) scripts.push(repeatable(await recorded(employee), await recorded(employee)))
  return compare({
    address: directory,
    servers: [world.pids.directory],
    postgres: world.pids.postgres,
    next: (connection) => command(employees[connection]!),
    setup: { url: world.appUrlOf('directory'), scripts },
  })
}

function reportImport({ rows, ours, copy, written, peak }: ImportResult): void {
  say(
    `Import of ${rows} employees: ${costly(ours)}; COPY of the ${written} rows that it wrote: ${costly(copy)}`,
  )
  say(
    `  ratio ${(ours.wall / copy.wall).toFixed(1)} in time, ${(ours.cpu / copy.cpu).toFixed(1)} in CPU  (aim 6 at most)` +
      `   peak memory: service ${peak.directory.toFixed(0)} MB, worker ${peak.worker.toFixed(0)} MB`,
  )
}
