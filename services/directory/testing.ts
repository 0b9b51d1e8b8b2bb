import { randomUUIDv7 } from 'node:crypto'
import type { Hono } from 'hono'
import type { OutputOf as OutputOfOperation } from '#kit/contract.ts'
import { work } from '#kit/jobs.ts'
import { callerHeaders, post, type TestCaller, type TestDatabase, testDatabase } from '#kit/testing.ts'
import { createDirectoryApp } from './app.ts'
import { constraints } from './constraints.ts'
import { directoryContract } from './contract.ts'
import { directoryJobs } from './jobs.ts'

type Operations = (typeof directoryContract)['operations']
type Name = keyof Operations & string
type OutputOf<K extends Name> = OutputOfOperation<Operations[K]>

/** What an operation answered: the output, or a problem. */
export interface Answer<T> {
  status: number
  body: T
}

const migrations = new URL('./migrations/', import.meta.url)
export const everything = { reach: 'all' } as const

/** The directory on a database of its own. */
export async function startDirectory() {
  const db: TestDatabase = await testDatabase({ service: 'directory', migrations, constraints })
  const app = createDirectoryApp(db.database)
  return {
    db,
    app,
    startWorker: () => work('directory', db.urls.worker, directoryJobs(db.database)),
    /** A company with nobody in it. */
    company: (tenant: string = randomUUIDv7()) => companyOf(app, tenant),
    close: () => db.close(),
  }
}

export type Directory = Awaited<ReturnType<typeof startDirectory>>
export type Company = ReturnType<typeof companyOf>

function companyOf(app: Hono, tenant: string) {
  const hr: TestCaller = { tenant }

  /** Sends an operation, as HR with all rights unless told. */
  async function send(name: Name, input: object, caller = hr, headers?: Record<string, string>) {
    const { status, body } = await post(app, name, input, caller, headers)
    return { status, body } as Answer<Record<string, unknown>>
  }

  /** Does an operation that must succeed; answers with its output. */
  async function act<K extends Name>(name: K, input: object, caller = hr) {
    const { status, body } = await send(name, input, caller)
    if (status !== 200) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
    return directoryContract.operations[name].output.parse(body) as OutputOf<K>
  }

  const hire = (given: { number?: string; joinsOn?: string; person?: object; terms?: object } = {}) =>
    act('hireEmployee', {
      person: { givenName: 'Ada', familyName: 'Berg', ...given.person },
      employeeNumber: given.number ?? randomUUIDv7(),
      joinsOn: given.joinsOn ?? '2020-01-01',
      terms: { timeZone: 'Europe/Berlin', ...given.terms },
      scope: everything,
    })

  const unit = (given: { code?: string; name?: string; parentId?: string; opensOn?: string } = {}) =>
    act('createOrgUnit', {
      code: given.code ?? randomUUIDv7(),
      name: given.name ?? 'Unit',
      opensOn: given.opensOn ?? '2000-01-01',
      ...(given.parentId ? { parentId: given.parentId } : {}),
      scope: everything,
    })

  /** Whom a command is about, as last read. */
  const target = ({ id, version }: { id: string; version: number }) => ({
    employeeId: id,
    expectedVersion: version,
    scope: everything,
  })

  async function upload(importId: string, content: string | Uint8Array): Promise<Answer<{ state: string }>> {
    const response = await app.request(`/uploadImportFile?importId=${importId}`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', 'idempotency-key': randomUUIDv7(), ...callerHeaders(hr) },
      body: content as string,
    })
    return { status: response.status, body: (await response.json()) as { state: string } }
  }

  return { tenant, hr, send, act, hire, unit, target, upload }
}
