import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callerHeaders, serveApp, type TestCaller, until } from '#kit/testing.ts'
import { createWorkforceApp } from './app.ts'
import { connect } from './clients.ts'
import { type Output, startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let admin: TestCaller
let directory: Awaited<ReturnType<typeof serveApp>>
let server: Awaited<ReturnType<typeof serveApp>>
let asked = 0
const draining = new AbortController()
beforeAll(async () => {
  workforce = await startWorkforce()
  admin = await workforce.newCompany()
  directory = await serveApp({
    fetch: (...request) => {
      asked++
      return workforce.apps.directory.fetch(...request)
    },
  })
  const app = createWorkforceApp(
    { draining: draining.signal },
    connect({ directory: directory.url, identity: workforce.urls.identity }),
  )
  server = await serveApp(app)
})
afterAll(async () => {
  await server.close()
  await directory.close()
  await workforce.close()
})

/** Opens the stream of an import over a real connection and gathers what comes. */
async function watch(importId: string) {
  const controller = new AbortController()
  const response = await fetch(`${server.url}/v1/imports/${importId}/events`, {
    headers: callerHeaders(admin),
    signal: controller.signal,
  })
  const events: Output<'getImport'>[] = []
  const read = async () => {
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) events.push(JSON.parse(/^data: (.*)$/m.exec(block)![1]!))
    }
  }
  const ended = read().catch(() => {})
  return { response, events, ended, hangUp: () => controller.abort() }
}

const csv = 'employeeNumber,givenName,familyName,joinsOn,timeZone\n1,Ada,Lovelace,2020-01-01,UTC\n'

describe('watching an import', () => {
  it('tells every change from the first state to the last, then ends', async () => {
    const { id: importId } = await workforce.act('createImport', { kind: 'employees' }, admin)
    const { response, events, ended } = await watch(importId)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    await until(() => events.length === 1)
    await workforce.act('uploadImportFile', { importId }, admin, csv)
    await until(() => events.at(-1)!.state === 'uploaded')
    await workforce.act('startImport', { importId, dryRun: false }, admin)
    await ended
    expect(events[0]).toMatchObject({ state: 'created', file: null })
    expect(events.at(-1)).toMatchObject({ state: 'completed', progress: { rows: 1, created: 1 } })
    const versions = events.map(({ version }) => version)
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
  })

  it('stops asking when the client hangs up', async () => {
    const { id } = await workforce.act('createImport', { kind: 'employees' }, admin)
    const { events, hangUp } = await watch(id)
    await until(() => events.length === 1)
    const before = asked
    await until(() => asked > before)
    hangUp()
    // Longer than it pauses between two questions: whoever still asks is never quiet.
    await until(async () => {
      const before = asked
      await sleep(600)
      return asked === before
    })
  })

  it('ends when the process drains', async () => {
    const { id } = await workforce.act('createImport', { kind: 'employees' }, admin)
    const { events, ended } = await watch(id)
    await until(() => events.length === 1)
    draining.abort()
    await ended
    expect(events).toHaveLength(1)
  })
})
