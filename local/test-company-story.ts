import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { logInByForm, type Tokens } from '../services/identity/fixtures/login.ts'
import { leaveStory } from './test-leave-story.ts'

/** A system that runs somewhere, and who lets companies into it. */
export interface Stage {
  /** Where clients find the edge. */
  edge: string
  operator: Parameters<typeof logInByForm>[1]
}

const files = new URL('../services/directory/fixtures/oracle-hr/', import.meta.url)

/** Milliseconds for each part of the story; accounts are opened, and facts carried on, by workers. */
export const patience = 90_000
const eventually = (condition: () => Promise<boolean>) =>
  vi.waitUntil(condition, { timeout: patience, interval: 250 })

/**
 * Registers the tests of the path of a person: a company moves in through the edge, and its people log in and work. The
 * stage is asked for when they run, one after the other.
 */
export function companyStory(stage: () => Stage): void {
  const slug = `oracle-${randomUUID().slice(0, 8)}`
  const password = `blue-${randomUUID()}`
  let admin: Tokens
  let james: Tokens

  async function send(tokens: Tokens, method: string, path: string, body?: object | string, etag?: string) {
    const response = await fetch(stage().edge + path, {
      method,
      headers: {
        authorization: `Bearer ${tokens.access_token}`,
        'content-type': typeof body === 'string' ? 'text/csv' : 'application/json',
        ...(etag ? { 'if-match': etag } : {}),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }

  async function act(...request: Parameters<typeof send>) {
    const answer = await send(...request)
    if (answer.status >= 300)
      throw new Error(`${request[1]} ${request[2]}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  /** Follows an invitation link as the invited person does, and logs in with the new password. */
  async function accept(link: string, email: string): Promise<Tokens> {
    const token = new URL(link).searchParams.get('token')!
    expect((await fetch(link)).status).toBe(200)
    const form = new URLSearchParams({ token, password, repeated: password })
    const response = await fetch(`${stage().edge}/oidc/invitation`, { method: 'POST', body: form })
    expect(response.status).toBe(200)
    return logInByForm(stage().edge, { company: slug, email, password })
  }

  const find = async (number: string) => {
    const { items } = await act(admin, 'GET', `/v1/employees?q=${number}`)
    return (items as { id: string; employeeNumber: string; email: string }[]).find(
      ({ employeeNumber }) => employeeNumber === number,
    )!
  }

  /** Waits for the account that lifecycle opens for who was hired, and invites its person. */
  async function invite(number: string): Promise<Tokens> {
    const { id, email } = await find(number)
    const account = `/v1/employees/${id}/account`
    await eventually(async () => (await send(admin, 'GET', account)).status === 200)
    const { url } = await act(admin, 'POST', `${account}/invitations`, {})
    return accept(url, email)
  }

  test('an operator lets the company in, and its first administrator logs in', {
    timeout: patience,
  }, async () => {
    const operator = await logInByForm(stage().edge, stage().operator)
    const email = 'hr@oracle.example'
    const { firstAdmin } = await act(operator, 'POST', '/v1/tenants', {
      slug,
      companyName: 'The sample company',
      firstAdmin: { email, displayName: 'Human Resources' },
    })
    admin = await accept(firstAdmin.invitation.url, email)
    expect(await act(admin, 'GET', '/v1/employees')).toEqual({ items: [], next: null })
  })

  test('the administrator imports its files', { timeout: patience }, async () => {
    const imported = async (file: string, input: object) => {
      const { id } = await act(admin, 'POST', '/v1/imports', input)
      await act(admin, 'PUT', `/v1/imports/${id}/file`, await readFile(new URL(file, files), 'utf8'))
      await act(admin, 'POST', `/v1/imports/${id}/start`, { dryRun: false })
      const events: string = await act(admin, 'GET', `/v1/imports/${id}/events`)
      const { state, progress } = JSON.parse([...events.matchAll(/^data: (.*)$/gm)].at(-1)![1]!)
      return { state, progress }
    }
    expect(
      await imported('departments.csv', {
        kind: 'org-units',
        mapping: { department_id: 'code', department_name: 'name' },
        options: { defaults: { opensOn: '2000-01-01' } },
      }),
    ).toMatchObject({ state: 'completed', progress: { created: 27 } })
    expect(
      await imported('jobs.csv', { kind: 'positions', mapping: { job_id: 'code', job_title: 'title' } }),
    ).toMatchObject({ state: 'completed', progress: { created: 19 } })
    expect(
      await imported('employees.csv', {
        kind: 'employees',
        mapping: {
          employee_id: 'employeeNumber',
          first_name: 'givenName',
          last_name: 'familyName',
          hire_date: 'joinsOn',
          job_id: 'position',
          manager_id: 'manager',
          department_id: 'orgUnit',
        },
        options: { emailDomain: 'oracle.example', defaults: { timeZone: 'America/Los_Angeles' } },
      }),
    ).toMatchObject({ state: 'completed', progress: { created: 107, warnings: 37 } })
    expect(
      await imported('job_history.csv', {
        kind: 'job-history',
        mapping: {
          employee_id: 'employeeNumber',
          start_date: 'startsOn',
          end_date: 'endsOn',
          job_id: 'position',
          department_id: 'orgUnit',
        },
      }),
    ).toMatchObject({ state: 'completed', progress: { changed: 6, skipped: 4 } })
  })

  test('its people are found by parts of their names, and as they were on a date', async () => {
    const { items } = await act(admin, 'GET', '/v1/employees?q=nee%20ya')
    expect(items).toMatchObject([{ displayName: 'Neena Yang' }])
    const { id } = await find('102')
    const then = await act(admin, 'GET', `/v1/employees/${id}?asOf=2015-01-01`)
    expect(then.terms).toMatchObject({ positionTitle: 'Programmer', orgUnitName: 'IT' })
  })

  test('a manager logs in and sees his own people only', { timeout: patience }, async () => {
    james = await invite('103')
    const { items } = await act(james, 'GET', '/v1/employees')
    expect(items.map((item: { employeeNumber: string }) => item.employeeNumber).sort()).toEqual([
      '103',
      '104',
      '105',
      '106',
      '107',
    ])
    const king = await find('100')
    expect((await send(james, 'GET', `/v1/employees/${king.id}`)).status).toBe(404)
    const miller = await find('104')
    const changes = { effectiveFrom: '2024-01-01', changes: { fte: 0.5 } }
    const path = `/v1/employees/${miller.id}`
    expect((await send(james, 'POST', `${path}/changes`, changes, '"1"')).status).toBe(403)
    const read = await send(admin, 'GET', path)
    expect((await send(admin, 'POST', `${path}/changes`, changes)).status).toBe(428)
    await act(admin, 'POST', `${path}/changes`, changes, read.headers.get('etag')!)
    expect((await act(james, 'GET', path)).terms.fte).toBe(0.5)
  })

  leaveStory({
    act,
    send,
    invite,
    eventually,
    tokens: () => ({ admin, manager: james }),
    patience,
  })

  test('who leaves can neither refresh nor log in any more', { timeout: patience }, async () => {
    const diana = await invite('107')
    const { id, email } = await find('107')
    expect(await act(diana, 'GET', '/v1/employees')).toMatchObject({ items: [{ id }], next: null })

    const read = await send(admin, 'GET', `/v1/employees/${id}`)
    const leaving = { leavesOn: '2025-12-31', reason: 'Studies' }
    await act(admin, 'POST', `/v1/employees/${id}/termination`, leaving, read.headers.get('etag')!)
    await eventually(
      async () => (await act(admin, 'GET', `/v1/employees/${id}/account`)).status === 'disabled',
    )
    const refresh = {
      grant_type: 'refresh_token',
      client_id: 'staffmesh-cli',
      refresh_token: diana.refresh_token,
    }
    const body = new URLSearchParams(refresh)
    const answer = await fetch(`${stage().edge}/oidc/token`, { method: 'POST', body })
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
    await expect(logInByForm(stage().edge, { company: slug, email, password })).rejects.toThrow(
      'The login ended',
    )
  })
}
