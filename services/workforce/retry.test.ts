import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callerHeaders, serveApp, type TestCaller } from '#kit/testing.ts'
import { createWorkforceApp } from './app.ts'
import { connect } from './clients.ts'
import { startWorkforce, type TestWorkforce } from './testing.ts'

/** A proxy that lets requests through and, as often as told, cuts the connection instead of handing on the answer. */
async function lossyProxy(target: string) {
  const sockets = new Set<Socket>()
  let losses = 0
  let lost = 0
  const server = createServer((client) => {
    const upstream = dial(Number(new URL(target).port), '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
        sockets.delete(socket)
      })
    }
    client.pipe(upstream)
    // The answer has arrived here, so the work behind it is committed.
    upstream.on('data', (chunk) => {
      if (losses === 0) return void client.write(chunk)
      losses--
      lost++
      client.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseNext(answers: number) {
      losses = answers
    },
    lost: () => lost,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

let workforce: TestWorkforce
let admin: TestCaller
let toDirectory: Awaited<ReturnType<typeof lossyProxy>>
let toWorkforce: Awaited<ReturnType<typeof lossyProxy>>
let server: Awaited<ReturnType<typeof serveApp>>
beforeAll(async () => {
  workforce = await startWorkforce()
  admin = await workforce.newCompany()
  toDirectory = await lossyProxy(workforce.urls.directory)
  const app = createWorkforceApp(
    {},
    connect({ directory: toDirectory.url, identity: workforce.urls.identity }),
  )
  server = await serveApp(app)
  toWorkforce = await lossyProxy(server.url)
})
afterAll(async () => {
  toWorkforce.close()
  toDirectory.close()
  await server.close()
  await workforce.close()
})

const hire = (employeeNumber: string, key: string) =>
  fetch(`${toWorkforce.url}/v1/employees`, {
    method: 'POST',
    headers: { ...callerHeaders(admin), 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({
      person: { givenName: 'Ada', familyName: 'Lovelace' },
      employeeNumber,
      joinsOn: '2020-01-01',
      terms: { timeZone: 'Europe/London' },
    }),
  })

const stored = (employeeNumber: string) =>
  workforce.directoryDb.sudo<{ id: string }>('select id from employee where tenant = $1 and number = $2', [
    admin.tenant,
    employeeNumber,
  ])

/** The events and audit entries of an employee. */
const facts = (id: string) =>
  workforce.directoryDb.sudo(
    `select (select count(*)::int from event where aggregate_id = $1) as events,
       (select count(*)::int from audit where object_id = $1) as entries`,
    [id],
  )

describe('a command whose answer is lost after the commit', () => {
  it('between client and workforce: the retry is answered, nothing is done twice', async () => {
    const key = randomUUID()
    toWorkforce.loseNext(1)
    await expect(hire('lost-1', key)).rejects.toThrow('fetch failed')
    const [employee] = await stored('lost-1')
    const retry = await hire('lost-1', key)
    expect(retry.status).toBe(201)
    expect(await retry.json()).toMatchObject({ id: employee!.id, version: 1 })
    expect(await stored('lost-1')).toHaveLength(1)
    expect(await facts(employee!.id)).toEqual([{ events: 1, entries: 1 }])
  })

  it('between workforce and directory: a 503 that may be retried, and the retry is answered', async () => {
    const key = randomUUID()
    toDirectory.loseNext(1)
    const first = await hire('lost-2', key)
    expect({
      status: first.status,
      after: first.headers.get('retry-after'),
      body: await first.json(),
    }).toEqual({
      status: 503,
      after: '1',
      body: {
        type: 'https://staffmesh.dev/problems/unavailable',
        title: 'The service cannot answer now',
        status: 503,
        detail: 'directory does not answer',
      },
    })
    const [employee] = await stored('lost-2')
    const retry = await hire('lost-2', key)
    expect(retry.status).toBe(201)
    expect(await retry.json()).toMatchObject({ id: employee!.id })
    expect(await facts(employee!.id)).toEqual([{ events: 1, entries: 1 }])
  })

  it('again and again, on both sides: still once, and always the same answer', async () => {
    const key = randomUUID()
    const answers: string[] = []
    const before = toDirectory.lost() + toWorkforce.lost()
    for (let round = 0; round < 6; round++) {
      const proxy = round % 2 === 0 ? toDirectory : toWorkforce
      proxy.loseNext(1)
      await hire('lost-3', key).catch(() => {})
      const answer = await hire('lost-3', key)
      expect(answer.status).toBe(201)
      answers.push(await answer.text())
    }
    expect(toDirectory.lost() + toWorkforce.lost() - before).toBe(6)
    expect(new Set(answers)).toHaveLength(1)
    expect(await stored('lost-3')).toHaveLength(1)
  })
})
