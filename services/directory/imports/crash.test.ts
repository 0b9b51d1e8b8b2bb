import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Directory, everything, startDirectory } from '../testing.ts'
import { ended } from './testing.ts'

let directory: Directory
const workers: ChildProcess[] = []
beforeAll(async () => {
  directory = await startDirectory()
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => kill(worker)))
  await directory.close()
})

/** The worker as it is deployed: a process of its own. */
function startWorker(): ChildProcess {
  const { app, worker } = directory.db.urls
  const child = spawn(process.execPath, [fileURLToPath(new URL('../main.ts', import.meta.url)), 'worker'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      IDENTITY_HEADERS: 'loopback',
      DATABASE_URL: app,
      QUEUE_DATABASE_URL: worker,
    },
  })
  workers.push(child)
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

it('goes on after its worker was killed, and does no row twice', async () => {
  const { act, upload, tenant } = directory.company()
  const count = 6000
  const rows = Array.from({ length: count }, (_, i) => `E${i},Given,Family,2020-01-01,UTC,${i ? 'E0' : ''}`)
  const header = 'employeeNumber,givenName,familyName,joinsOn,timeZone,manager'
  const options = { dryRun: false }
  const { id: importId } = await act('createImport', { kind: 'employees', options, scope: everything })
  await upload(importId, [header, ...rows].join('\n'))
  const first = startWorker()
  await act('startImport', { importId, scope: everything })
  const read = () => act('getImport', { importId, scope: everything })
  while ((await read()).progress.created === 0) {
    expect(first.exitCode).toBeNull()
    await sleep(5)
  }
  await kill(first)
  const { state, progress } = await read()
  expect(state).toBe('running')
  expect(progress.created).toBeLessThan(count)

  startWorker()
  const done = await ended({ act }, importId)
  expect(done).toMatchObject({ state: 'completed', progress: { rows: count, created: count, failed: 0 } })
  const [found] = await directory.db.sudo(
    `select (select count(*)::int from employee where tenant = $1) as people,
       (select count(*)::int from event where tenant = $1 and kind = 'employee-hired') as events`,
    [tenant],
  )
  expect(found).toEqual({ people: count, events: count })
}, 60_000)
