import { request } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { log } from '#kit/log.ts'
import { callerHeaders, serveApp, type TestCaller, until } from '#kit/testing.ts'
import { startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let server: Awaited<ReturnType<typeof serveApp>>
let admin: TestCaller
let importId: string
beforeAll(async () => {
  workforce = await startWorkforce()
  server = await serveApp(workforce.app)
  admin = await workforce.newCompany()
})
afterAll(async () => {
  await server.close()
  await workforce.close()
})
beforeEach(async () => {
  importId = (await workforce.act('createImport', { kind: 'employees' }, admin)).id
})

const getImport = () => workforce.act('getImport', { importId }, admin)
const path = () => `${server.url}/v1/imports/${importId}/file`
const headers = (type = 'text/csv') => ({ ...callerHeaders(admin), 'content-type': type })

/** So many chunks of a megabyte, without telling how many. */
function megabytes(count: number): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(1_000_000).fill(97)
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent++ < count) controller.enqueue(chunk)
      else controller.close()
    },
  })
}

const put = async (body: ReadableStream<Uint8Array> | string, type?: string) => {
  const init = { method: 'PUT', body, headers: headers(type), duplex: 'half' }
  const response = await fetch(path(), init as RequestInit)
  return { status: response.status, body: await response.json() }
}

const tooLarge = {
  status: 413,
  body: {
    type: 'https://staffmesh.dev/problems/body-too-large',
    title: 'The body is larger than this path takes',
    status: 413,
    detail: 'At most 67108864 bytes',
  },
}

describe('an uploaded file', () => {
  it('passes through both services as a stream, and the same again changes nothing', async () => {
    const first = await put(megabytes(5))
    expect(first).toMatchObject({ status: 200, body: { state: 'uploaded', file: { bytes: 5_000_000 } } })
    expect((await put(megabytes(5))).body).toEqual(first.body)
  })

  it('that is too large is refused as such, though its length was not told', async () => {
    expect(await put(megabytes(70))).toEqual(tooLarge)
    expect(await getImport()).toMatchObject({ state: 'created', file: null, version: 1 })
  })

  it('of another content type is refused', async () => {
    expect(await put('{}', 'application/json')).toEqual({
      status: 415,
      body: {
        type: 'https://staffmesh.dev/problems/unsupported-media-type',
        title: 'The body has another content type than this path takes',
        status: 415,
        detail: 'Send text/csv',
      },
    })
  })

  it('that breaks off leaves nothing behind, and is no failure of the services', async () => {
    const failures = vi.spyOn(log, 'error')
    const upload = request(path(), { method: 'PUT', headers: headers() })
    upload.on('error', () => {})
    upload.write('employeeNumber,givenName')
    const transactions = () =>
      workforce.directoryDb.sudo(
        `select 1 from pg_stat_activity where datname = current_database() and xact_start is not null
           and pid <> pg_backend_pid()`,
      )
    await until(async () => (await transactions()).length > 0)
    upload.destroy()
    await until(async () => (await transactions()).length === 0)
    expect(await getImport()).toMatchObject({ state: 'created', file: null, version: 1 })
    expect(failures).not.toHaveBeenCalled()
  })
})
