/**
 * `npm run bench`: what the services cost beside what they stand on, with the real processes, on this machine, in one
 * run. Numbers of different machines do not compare; the ratios do.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { type Comparison, compare } from './compare.ts'
import { type ImportResult, measureImport } from './import.ts'
import { connections, once, type Request } from './load.ts'
import { record, type Statement } from './record.ts'
import { repeatable, type Script } from './script.ts'
import { memoryOf, startWorld, type World } from './world.ts'

const { values: options } = parseArgs({ options: { rows: { type: 'string', default: '100000' } } })
const say = (text: string) => process.stdout.write(`${text}\n`)

interface Employee {
  id: string
  version: number
}

const scope = { reach: 'all' }

/** Some employees of all parts of the reporting tree. */
async function sample({ directory, headers }: World, count: number): Promise<Employee[]> {
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
  ({ headers }: World) =>
  ({ id }: Employee): Request => ({
    method: 'POST',
    path: '/getEmployee',
    headers,
    body: JSON.stringify({ employeeId: id, scope }),
  })

const workforceRead =
  ({ headers }: World) =>
  ({ id }: Employee): Request => ({ method: 'GET', path: `/v1/employees/${id}`, headers })

const directoryCommand = ({ headers }: World) => {
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

/** Reads through a service, beside the statements that the database was sent for a hundred of them. */
async function compareReads(
  world: World,
  employees: Employee[],
  address: string,
  servers: number[],
  read: (employee: Employee) => Request,
): Promise<Comparison> {
  await once(address, read(employees[0]!))
  const statements = await recorded(world, async () => {
    for (const employee of employees.slice(0, 100)) await once(address, read(employee))
  })
  let turn = 0
  return compare({
    address,
    servers,
    postgres: world.pids.postgres,
    next: () => read(employees[turn++ % employees.length]!),
    setup: setupOf(world, Array<Script>(connections).fill({ statements, requests: 100 })),
  })
}

/** Commands, on each connection to one employee, beside the statements of one of them, repeated on other employees. */
async function compareCommands(world: World, employees: Employee[]): Promise<Comparison> {
  const { directory, pids } = world
  const command = directoryCommand(world)
  const run = (employee: Employee) => once(directory, command(employee))
  await run(employees[0]!)
  const theirs = employees.slice(connections, 2 * connections)
  const scripts: Script[] = []
  for (const employee of theirs) {
    const first = await recorded(world, () => run(employee))
    scripts.push(repeatable(first, await recorded(world, () => run(employee))))
  }
  return compare({
    address: directory,
    servers: [pids.directory],
    postgres: pids.postgres,
    next: (connection) => command(employees[connection]!),
    setup: setupOf(world, scripts),
  })
}

const recorded = (world: World, work: () => Promise<unknown>): Promise<Statement[]> =>
  record(world.superuser, world.logFile, world.tenant, work)

const setupOf = (world: World, scripts: Script[]) => ({ url: world.appUrl, scripts })

function report(name: string, { ours, bare, ratio }: Comparison, aim: string): void {
  const rate = ({ perSecond, cpu }: Comparison['ours']) =>
    `${cpu.toFixed(2).padStart(6)} CPU-ms ${Math.round(perSecond).toString().padStart(6)}/s`
  say(`${name.padEnd(34)}${rate(ours)}   bare pg ${rate(bare)}   ratio ${ratio.toFixed(2)}  (aim ${aim})`)
}

function reportImport({ rows, ours, copy, written, peak }: ImportResult): void {
  const cost = ({ wall, cpu }: ImportResult['ours']) => `${wall.toFixed(1)} s, ${cpu.toFixed(1)} CPU-s`
  say(`Import of ${rows} employees: ${cost(ours)}; COPY of the ${written} rows that it wrote: ${cost(copy)}`)
  say(
    `  ratio ${(ours.wall / copy.wall).toFixed(1)} in time, ${(ours.cpu / copy.cpu).toFixed(1)} in CPU  (aim 6 at most)` +
      `   peak memory: service ${peak.directory.toFixed(0)} MB, worker ${peak.worker.toFixed(0)} MB`,
  )
}

if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: run this on Linux')
const [busy] = loadavg()
if (busy! > 0.5)
  say(`Others are using this machine (load ${busy!.toFixed(1)}): all figures are higher than they should be`)
const world = await startWorld()
try {
  say(
    'Idle, proportional set size: ' +
      memoryOf(world)
        .map(([name, size]) => `${name} ${size.toFixed(0)} MB`)
        .join(', '),
  )
  reportImport(await measureImport(world, Number(options.rows)))
  await world.superuser.query('vacuum analyze')
  const employees = await sample(world, 2000)
  const { directory, workforce, pids } = world
  report(
    'employee, directory',
    await compareReads(world, employees, directory, [pids.directory], directoryRead(world)),
    '0.5 at least',
  )
  report('change of a person, directory', await compareCommands(world, employees), '0.4 at least')
  report(
    'employee, workforce → directory',
    await compareReads(world, employees, workforce, [pids.workforce, pids.directory], workforceRead(world)),
    'under 0.9 CPU-ms',
  )
} finally {
  await world.stop()
}
