import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callerHeaders, serveApp, type TestCaller } from '#kit/testing.ts'
import { type Output, startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let server: Awaited<ReturnType<typeof serveApp>>
let admin: TestCaller
let ada: Output<'hireEmployee'>
beforeAll(async () => {
  workforce = await startWorkforce()
  server = await serveApp(workforce.app)
  admin = await workforce.newCompany()
  ada = await workforce.act('hireEmployee', hiring('1'), admin)
})
afterAll(async () => {
  await server.close()
  await workforce.close()
})

const hiring = (employeeNumber: string) => ({
  person: { givenName: 'Ada', familyName: 'Lovelace' },
  employeeNumber,
  joinsOn: '2020-01-01',
  terms: { timeZone: 'Europe/London' },
})

/** Everything that a request may leave behind. */
const traces = () =>
  workforce.directoryDb.sudo(
    `select (select count(*) from employee) employees, (select count(*) from employee_version) versions,
       (select count(*) from event) events, (select count(*) from audit) audits,
       (select count(*) from idempotency) keys`,
  )

/** Sends raw bytes over a real connection, as a careless client would. */
async function send(
  path: string,
  init: RequestInit,
  headers: Record<string, string | undefined> = {},
): Promise<{ status: number; body: unknown }> {
  const all = {
    ...callerHeaders(admin),
    'content-type': 'application/json',
    'idempotency-key': randomUUID(),
    ...headers,
  }
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const response = await fetch(server.url + path, { ...init, headers: Object.fromEntries(given) })
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  return { status: response.status, body: await response.json() }
}

const hire = (body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string | undefined>) =>
  send('/v1/employees', { method: 'POST', body }, headers)

const problem = (status: number, code: string, title: string, details: object = {}) => ({
  status,
  body: { type: `https://staffmesh.dev/problems/${code}`, title, status, ...details },
})

const invalid = (...errors: [pointer: string, rule: string, detail: string][]) =>
  problem(422, 'invalid-input', 'The input breaks a rule', {
    detail: errors.map(([pointer, , detail]) => `${pointer || 'input'}: ${detail}`).join('; '),
    errors: errors.map(([pointer, rule, detail]) => ({ pointer, rule, detail })),
  })

describe('bad input', () => {
  let before: unknown
  beforeEach(async () => {
    before = await traces()
  })
  afterEach(async () => {
    expect(await traces()).toEqual(before)
  })

  describe('in the body as a whole', () => {
    const malformed = (detail: string) =>
      problem(400, 'malformed-json', 'The body is not valid JSON', { detail })
    const whole = invalid(['', 'invalid-type', 'The body must be a JSON object'])

    it.each([
      ['a body cut off', '{"person": ', malformed('Unexpected end of JSON input')],
      ['an empty body', '', malformed('Unexpected end of JSON input')],
      ['a literal Infinity', '{"fte": Infinity}', malformed("Unexpected token 'I'")],
      ['a literal NaN', '{"fte": NaN}', malformed("Unexpected token 'N'")],
      [
        'bytes that are no UTF-8',
        Buffer.from('7b2261223a22ff227d', 'hex'),
        malformed('The body is not UTF-8'),
      ],
      [
        'a surrogate in UTF-8',
        Buffer.from('7b2261223a22eda080227d', 'hex'),
        malformed('The body is not UTF-8'),
      ],
      ['a list', '[]', whole],
      ['null', 'null', whole],
      ['text', '"hire"', whole],
    ])('%s', async (_, body, expected) => {
      expect(await hire(body)).toEqual(expected)
    })

    const unsupported = problem(
      415,
      'unsupported-media-type',
      'The body has another content type than this path takes',
      { detail: 'Send application/json' },
    )
    it.each(['text/plain', 'application/x-www-form-urlencoded', 'text/csv', 'application/jsonx', undefined])(
      'of content type %s',
      async (type) => {
        expect(await hire(Buffer.from(JSON.stringify(hiring('2'))), { 'content-type': type })).toEqual(
          unsupported,
        )
      },
    )

    const tooLarge = problem(413, 'body-too-large', 'The body is larger than this path takes', {
      detail: 'At most 1000000 bytes',
    })
    it('of 10 MB', async () => {
      expect(await hire('x'.repeat(10_000_000))).toEqual(tooLarge)
    })

    it('of 10 MB whose length is not told', async () => {
      const chunk = new Uint8Array(100_000)
      let sent = 0
      const body = new ReadableStream({
        pull(controller) {
          if (sent++ < 100) controller.enqueue(chunk)
          else controller.close()
        },
      })
      expect(await send('/v1/employees', { method: 'POST', body, duplex: 'half' } as RequestInit)).toEqual(
        tooLarge,
      )
    })
  })

  describe('in a field', () => {
    const person = (fields: object) => ({ ...hiring('2'), person: { ...hiring('2').person, ...fields } })
    const terms = (fields: object) => ({ ...hiring('2'), terms: { timeZone: 'UTC', ...fields } })
    const types = '"permanent"|"fixed-term"|"temporary"|"contractor"|"intern"'

    it.each<[string, object, ReturnType<typeof invalid>]>([
      [
        'that is unknown',
        { ...hiring('2'), admin: true },
        invalid(['/admin', 'unknown-field', 'Is not a field of this operation']),
      ],
      [
        'that is unknown, deep inside',
        person({ nickname: 'A' }),
        invalid(['/person/nickname', 'unknown-field', 'Is not a field of this operation']),
      ],
      [
        'that is for the path',
        { ...hiring('2'), scope: { reach: 'all' } },
        invalid(['/scope', 'unknown-field', 'Is not a field of this operation']),
      ],
      [
        'that is missing',
        { ...hiring('2'), joinsOn: undefined },
        invalid(['/joinsOn', 'invalid-type', 'Invalid input: expected string, received undefined']),
      ],
      [
        'that is null',
        { ...hiring('2'), joinsOn: null },
        invalid(['/joinsOn', 'invalid-type', 'Invalid input: expected string, received null']),
      ],
      [
        'with a wrong enum',
        terms({ employmentType: 'slave' }),
        invalid(['/terms/employmentType', 'invalid-value', `Invalid option: expected one of ${types}`]),
      ],
      [
        'with 30 February',
        { ...hiring('2'), joinsOn: '2026-02-30' },
        invalid(['/joinsOn', 'date', 'Invalid ISO date']),
      ],
      [
        'with an instant for a date',
        { ...hiring('2'), joinsOn: '2026-02-20T00:00:00Z' },
        invalid(['/joinsOn', 'date', 'Invalid ISO date']),
      ],
      [
        'with NUL',
        person({ givenName: 'A\0da' }),
        invalid(['/person/givenName', 'control-character', 'Has a control character']),
      ],
      [
        'with a lone surrogate',
        person({ givenName: 'A\ud800' }),
        invalid(['/person/givenName', 'lone-surrogate', 'Has a lone surrogate, which is no text']),
      ],
      [
        'with nothing but spaces',
        person({ givenName: '  ' }),
        invalid(['/person/givenName', 'too-small', 'Too small: expected string to have >=1 characters']),
      ],
      [
        'with too long a text',
        person({ givenName: 'a'.repeat(101) }),
        invalid(['/person/givenName', 'too-big', 'Too big: expected string to have <=100 characters']),
      ],
      [
        'with no e-mail address',
        person({ email: 'ada' }),
        invalid(['/person/email', 'email', 'Invalid email address']),
      ],
      [
        'with a negative number',
        terms({ fte: -1 }),
        invalid(['/terms/fte', 'too-small', 'Too small: expected number to be >0']),
      ],
      [
        'with a huge number',
        terms({ fte: 1e30 }),
        invalid(['/terms/fte', 'too-big', 'Too big: expected number to be <=1']),
      ],
      [
        'with a number as text',
        terms({ fte: '1' }),
        invalid(['/terms/fte', 'invalid-type', 'Invalid input: expected number, received string']),
      ],
      [
        'with no time zone',
        terms({ timeZone: 'Europe/Atlantis' }),
        invalid(['/terms/timeZone', 'time-zone', 'Not a time zone of the IANA database']),
      ],
      [
        'with an offset for a time zone',
        terms({ timeZone: '+02:00' }),
        invalid(['/terms/timeZone', 'time-zone', 'Not a time zone of the IANA database']),
      ],
      ['with no UUID', terms({ managerId: '1' }), invalid(['/terms/managerId', 'uuid', 'Invalid UUID'])],
    ])('%s', async (_, body, expected) => {
      expect(await hire(JSON.stringify(body))).toEqual(expected)
    })

    it('with a number too large for any number', async () => {
      const body = JSON.stringify(terms({ fte: 7 })).replace('7', '1e999')
      expect(await hire(body)).toEqual(
        invalid(['/terms/fte', 'invalid-type', 'Invalid input: expected number, received Infinity']),
      )
    })

    it.each([
      ['', '{"__proto__": {"joinsOn": "2020-01-01"}, ', '{'],
      ['/person', '"person":{"__proto__": {"email": "ada@example.com"}, ', '"person":{'],
    ])('called %s/__proto__', async (path, polluted, clean) => {
      const body = JSON.stringify(hiring('2')).replace(clean, polluted)
      expect(await hire(body)).toEqual(
        invalid([`${path}/__proto__`, 'unknown-field', 'Is not a field of this operation']),
      )
    })

    it('names every broken rule at once', async () => {
      expect(await hire(JSON.stringify({ ...person({ email: 'ada' }), joinsOn: 'soon' }))).toEqual(
        invalid(
          ['/person/email', 'email', 'Invalid email address'],
          ['/joinsOn', 'date', 'Invalid ISO date'],
        ),
      )
    })
  })

  describe('in path and query', () => {
    const get = (path: string) => send(path, {}, { 'content-type': undefined })

    it.each<[string, ReturnType<typeof invalid>]>([
      ['/v1/employees/1', invalid(['/employeeId', 'uuid', 'Invalid UUID'])],
      ['/v1/employees/%E0%A4', invalid(['/employeeId', 'uuid', 'Invalid UUID'])],
      ['/v1/employees?limit=0', invalid(['/limit', 'too-small', 'Too small: expected number to be >=1'])],
      ['/v1/employees?limit=201', invalid(['/limit', 'too-big', 'Too big: expected number to be <=200'])],
      ['/v1/employees?limit=-1e9', invalid(['/limit', 'too-small', 'Too small: expected number to be >=1'])],
      [
        '/v1/employees?limit=Infinity',
        invalid(['/limit', 'invalid-type', 'Invalid input: expected number, received Infinity']),
      ],
      [
        '/v1/employees?limit=many',
        invalid(['/limit', 'invalid-type', 'Invalid input: expected number, received NaN']),
      ],
      ['/v1/employees?asOf=2026-02-30', invalid(['/asOf', 'date', 'Invalid ISO date'])],
      [
        '/v1/employees?updatedSince=yesterday',
        invalid(['/updatedSince', 'datetime', 'Invalid ISO datetime']),
      ],
      ['/v1/employees?q=%00', invalid(['/q', 'control-character', 'Has a control character'])],
      ['/v1/employees?q=a&q=b', invalid(['/q', 'duplicate', 'Is given more than once'])],
      ['/v1/employees?scope=all', invalid(['/scope', 'unknown-field', 'Is not a field of this operation'])],
      [
        '/v1/employees?status=gone',
        invalid([
          '/status/0',
          'invalid-value',
          'Invalid option: expected one of "pending"|"active"|"terminated"',
        ]),
      ],
    ])('GET %s', async (path, expected) => {
      expect(await get(path)).toEqual(expected)
    })

    it.each(['nonsense', '%00', 'eyJub25zZW5zZSI6MX0', 'W10', 'bnVsbA'])(
      'with the cursor %s',
      async (cursor) => {
        expect(await get(`/v1/employees?cursor=${cursor}`)).toMatchObject({
          status: 422,
          body: { type: 'https://staffmesh.dev/problems/invalid-input', errors: [{ pointer: '/cursor' }] },
        })
      },
    )

    it('at a path where nothing is', async () => {
      expect(await get('/v1/unicorns')).toEqual(
        problem(404, 'route-not-found', 'There is nothing at this path'),
      )
    })

    it('with a method that the path does not take', async () => {
      expect(await send('/v1/employees', { method: 'DELETE' })).toEqual(
        problem(405, 'method-not-allowed', 'This path does not take that method'),
      )
    })
  })

  describe('in headers', () => {
    const change = (headers: Record<string, string | undefined>) =>
      send(
        `/v1/employees/${ada.id}/changes`,
        { method: 'POST', body: '{"effectiveFrom":"2024-01-01","changes":{"fte":0.5}}' },
        headers,
      )

    it('without If-Match', async () => {
      expect(await change({})).toEqual(
        problem(428, 'precondition-required', 'If-Match is required', {
          detail: 'Send If-Match with the ETag of your last read',
        }),
      )
    })

    it.each(['*', '1', 'W/"1"', '"1", "2"', '"-1"', '"99999999999999999"', '"x"'])(
      'with If-Match %s',
      async (etag) => {
        expect(await change({ 'if-match': etag })).toEqual(
          problem(400, 'malformed-header', 'A header has an unusable value', {
            detail: 'If-Match must be one strong ETag, e.g. "3"',
          }),
        )
      },
    )

    it('with the ETag of another version', async () => {
      expect(await change({ 'if-match': '"2"' })).toEqual(
        problem(412, 'version-conflict', 'The object has changed since it was read', {
          detail: 'The employee is at version 1',
        }),
      )
    })

    it.each(['with space', 'é', 'k'.repeat(129)])('with the Idempotency-Key %s', async (key) => {
      expect(await hire(JSON.stringify(hiring('2')), { 'idempotency-key': key })).toEqual(
        problem(400, 'malformed-header', 'A header has an unusable value', {
          detail: 'Idempotency-Key: 1 to 128 visible ASCII characters',
        }),
      )
    })
  })

  describe('against a rule of the directory', () => {
    it('names the field as REST calls it', async () => {
      const managerId = randomUUID()
      expect(
        await hire(JSON.stringify({ ...hiring('2'), terms: { timeZone: 'UTC', managerId } })),
      ).toMatchObject(
        problem(422, 'reference-unknown', 'The object that a field refers to does not exist', {
          pointer: '/terms/managerId',
        }),
      )
      const born = { ...hiring('2'), person: { ...hiring('2').person, birthDate: '2020-01-01' } }
      expect(await hire(JSON.stringify(born))).toEqual(
        problem(422, 'birth-not-before-joining', 'A person is born before joining', {
          pointer: '/person/birthDate',
        }),
      )
    })

    it('refuses a number that is taken', async () => {
      expect(await hire(JSON.stringify(hiring('1')))).toEqual(
        problem(409, 'employee-number-taken', 'Another employee has this number'),
      )
    })
  })
})

describe('an Idempotency-Key', () => {
  it('gives the same answer for the same body, and is refused with another', async () => {
    const key = {
      'idempotency-key': randomUUID(),
      'content-type': 'application/json',
      ...callerHeaders(admin),
    }
    const send = (number: string) =>
      fetch(`${server.url}/v1/employees`, {
        method: 'POST',
        headers: key,
        body: JSON.stringify(hiring(number)),
      })
    const first = await send('reused')
    const second = await send('reused')
    expect([first.status, second.status]).toEqual([201, 201])
    expect(await second.text()).toBe(await first.text())
    const other = await send('other')
    expect({ status: other.status, body: await other.json() }).toEqual(
      problem(422, 'idempotency-key-reused', 'The Idempotency-Key was used with another body'),
    )
  })

  it('comes before If-Match, so that a repeated change is answered as the first was', async () => {
    const headers = {
      ...callerHeaders(admin),
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      'if-match': '"1"',
    }
    const body = JSON.stringify({ changes: { phone: '+44 1' } })
    const change = () =>
      fetch(`${server.url}/v1/employees/${ada.id}/person`, { method: 'PATCH', headers, body })
    const [first, second] = [await change(), await change()]
    expect([first.status, first.headers.get('etag')]).toEqual([200, '"2"'])
    expect([second.status, await second.text()]).toEqual([200, await first.text()])
  })
})

describe('twenty requests at once', () => {
  const twenty = <T>(request: (index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: 20 }, (_, index) => request(index)))
  const statuses = (answers: { status: number }[]) =>
    Object.groupBy(answers, ({ status }) => String(status)) as Record<string, unknown[]>

  it('of which each changes the version that all have read: one does', async () => {
    const { id } = await workforce.act('hireEmployee', hiring('contested'), admin)
    const answers = await twenty((index) =>
      workforce.send(
        'changePerson',
        { employeeId: id, expectedVersion: 1, changes: { phone: `+44 ${index}` } },
        admin,
      ),
    )
    expect(statuses(answers)[200]).toHaveLength(1)
    expect(statuses(answers)[412]).toHaveLength(19)
  })

  it('that hire under the same number: one does', async () => {
    const answers = await twenty(() => workforce.send('hireEmployee', hiring('popular'), admin))
    expect(statuses(answers)[201]).toHaveLength(1)
    expect(statuses(answers)[409]).toHaveLength(19)
  })
})
