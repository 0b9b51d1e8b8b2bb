import { randomUUIDv7 } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { command, contract, query } from './contract.ts'
import { validate } from './input.ts'
import { localDate, page, text, timeZone } from './schemas.ts'
import { createApp } from './server.ts'
import { callerHeaders } from './testing.ts'

const handled: unknown[] = []
const answers = z.object({ version: z.int() })
const roles = { 'hr-admin': 'all' } as const
const app = createApp(
  contract({
    service: 'desk',
    layer: 'application',
    problems: {},
    operations: {
      write: command({
        summary: 'Takes anything',
        deadline: 1000,
        route: { method: 'POST', path: '/v1/notes' },
        roles,
        input: z.strictObject({
          name: text(10),
          born: localDate.optional(),
          zone: timeZone.optional(),
          kind: z.enum(['a', 'b']).optional(),
          count: z.int().min(0).max(100).optional(),
          share: z.number().optional(),
          tags: z.array(z.strictObject({ 'a/b': z.int() })).optional(),
          labels: z.record(z.string(), z.string()).optional(),
        }),
        output: answers,
      }),
      change: command({
        summary: 'Changes a note',
        deadline: 1000,
        route: { method: 'PATCH', path: '/v1/notes/{id}', ifMatch: 'version' },
        roles,
        input: z.strictObject({ id: z.uuid(), version: z.int(), name: text(10) }),
        output: answers,
      }),
      list: query({
        summary: 'Lists notes',
        deadline: 1000,
        route: { method: 'GET', path: '/v1/notes' },
        roles,
        input: z.strictObject(page),
        output: answers,
      }),
    },
  }),
  {
    write: async (input) => ({ version: handled.push(input) }),
    change: async (input) => ({ version: handled.push(input) }),
    list: async (input) => ({ version: handled.push(input) }),
  },
)

const identity = callerHeaders({ tenant: randomUUIDv7() })
const json = { 'content-type': 'application/json' }

interface Refusal {
  status: number
  type: string
  errors: unknown
}
async function refusal(path: string, init: RequestInit): Promise<Refusal> {
  const before = handled.length
  const response = await app.request(path, { ...init, headers: { ...identity, ...init.headers } })
  expect(handled).toHaveLength(before)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const { type, errors, detail } = (await response.json()) as {
    type: string
    errors: unknown
    detail?: string
  }
  expect(detail ?? '').not.toContain('secret')
  return { status: response.status, type: type.replace('https://staffmesh.dev/problems/', ''), errors }
}
const write = (body: string | Buffer, headers: Record<string, string> = json) =>
  refusal('/v1/notes', { method: 'POST', headers, body })

describe('a body', () => {
  it('of the right shape reaches the handler, parsed', async () => {
    const body = '{"name":" Zoë ","born":"2024-02-29","zone":"Asia/Shanghai","tags":[{"a/b":1}]}'
    const response = await app.request('/v1/notes', {
      method: 'POST',
      headers: { ...identity, ...json },
      body,
    })
    expect(response.status).toBe(200)
    expect(handled.at(-1)).toEqual({
      name: 'Zoë',
      born: '2024-02-29',
      zone: 'Asia/Shanghai',
      tags: [{ 'a/b': 1 }],
    })
  })

  it.each([
    ['no content type', {}],
    ['another content type', { 'content-type': 'text/plain' }],
    ['that of a form', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('with %s is refused', async (_, headers) => {
    expect(await write(Buffer.from('{"name":"x"}'), headers as Record<string, string>)).toMatchObject({
      status: 415,
      type: 'unsupported-media-type',
    })
  })

  it('that is missing is refused', async () => {
    expect(await refusal('/v1/notes', { method: 'POST' })).toMatchObject({ status: 415 })
    expect(await refusal('/v1/notes', { method: 'POST', headers: json })).toMatchObject({ status: 400 })
  })

  it.each([
    '',
    '{',
    '{"name":"secret',
    "{'name':1}",
    '{"share":Infinity}',
    '{"share":NaN}',
    '{"name":"secret"}}',
  ])('that is not JSON is refused and not quoted: %s', async (body) => {
    expect(await write(body)).toMatchObject({ status: 400, type: 'malformed-json' })
  })

  it('that is not UTF-8 is refused', async () => {
    const latin = Buffer.from('{"name":"Zo\xeb"}', 'latin1')
    expect(await write(latin)).toMatchObject({ status: 400, type: 'malformed-json' })
  })

  it.each(['[]', 'null', '"text"', '1'])('that is no object is refused: %s', async (body) => {
    expect(await write(body)).toMatchObject({ status: 422, errors: [{ pointer: '', rule: 'invalid-type' }] })
  })

  it.each([
    ['{"name":"x","nmae":"y"}', '/nmae', 'unknown-field'],
    ['{"name":"x","__proto__":{"count":1}}', '/__proto__', 'unknown-field'],
    ['{"__proto__":{"name":"x"},"name":"x"}', '/__proto__', 'unknown-field'],
    ['{"name":"x","tags":[{"a/b":1},{"a/b":1,"c~d":2}]}', '/tags/1/c~0d', 'unknown-field'],
    ['{"name":"x","tags":[{"a/b":"1"}]}', '/tags/0/a~1b', 'invalid-type'],
    ['{}', '/name', 'invalid-type'],
    ['{"name":"  "}', '/name', 'too-small'],
    ['{"name":"12345678901"}', '/name', 'too-big'],
    ['{"name":"a\\u0000b"}', '/name', 'control-character'],
    ['{"name":"a\\ud800b"}', '/name', 'lone-surrogate'],
    ['{"name":"x","labels":{"k":"\\u0000"}}', '/labels/k', 'control-character'],
    ['{"name":"x","labels":{"k":"\\udc00"}}', '/labels/k', 'lone-surrogate'],
    ['{"name":"x","labels":{"\\u0000":"v"}}', '/labels/\u0000', 'control-character'],
    ['{"name":"x","born":"2026-02-30"}', '/born', 'date'],
    ['{"name":"x","born":"2025-02-29"}', '/born', 'date'],
    ['{"name":"x","born":"26-2-3"}', '/born', 'date'],
    ['{"name":"x","zone":"Mars/Olympus"}', '/zone', 'time-zone'],
    ['{"name":"x","zone":"+02:00"}', '/zone', 'time-zone'],
    ['{"name":"x","kind":"c"}', '/kind', 'invalid-value'],
    ['{"name":"x","count":-1}', '/count', 'too-small'],
    ['{"name":"x","count":101}', '/count', 'too-big'],
    ['{"name":"x","count":1.5}', '/count', 'safeint'],
    ['{"name":"x","count":"1"}', '/count', 'invalid-type'],
    ['{"name":"x","share":1e999}', '/share', 'invalid-type'],
  ])('%s is refused with pointer and rule', async (body, pointer, rule) => {
    const { status, type, errors } = await write(body)
    expect({ status, type, errors }).toEqual({
      status: 422,
      type: 'invalid-input',
      errors: [{ pointer, rule, detail: expect.any(String) }],
    })
  })

  it('tells all broken rules at once', async () => {
    const { errors } = await write('{"born":"x","more":1}')
    expect(errors).toMatchObject([{ pointer: '/name' }, { pointer: '/born' }, { pointer: '/more' }])
  })
})

describe('a query', () => {
  it.each([
    ['limit=0', '/limit', 'too-small'],
    ['limit=201', '/limit', 'too-big'],
    ['limit=ten', '/limit', 'invalid-type'],
    ['limit=', '/limit', 'too-small'],
    ['limit=1&limit=2', '/limit', 'duplicate'],
    ['cursor=a%00b', '/cursor', 'control-character'],
    ['page=2', '/page', 'unknown-field'],
    ['__proto__=1', '/__proto__', 'unknown-field'],
  ])('%s is refused', async (search, pointer, rule) => {
    expect(await refusal(`/v1/notes?${search}`, { method: 'GET' })).toMatchObject({
      status: 422,
      errors: [{ pointer, rule }],
    })
  })
})

describe('If-Match', () => {
  const id = randomUUIDv7()
  const change = (headers: Record<string, string>, body = '{"name":"x"}', path = `/v1/notes/${id}`) =>
    refusal(path, { method: 'PATCH', headers: { ...json, ...headers }, body })

  it('fills the version', async () => {
    const response = await app.request(`/v1/notes/${id}`, {
      method: 'PATCH',
      headers: { ...identity, ...json, 'if-match': '"7"' },
      body: '{"name":"x"}',
    })
    expect(handled.at(-1)).toEqual({ id, version: 7, name: 'x' })
    expect(response.headers.get('etag')).toBe(`"${handled.length}"`)
  })

  it('is needed', async () => {
    expect(await change({})).toMatchObject({ status: 428, type: 'precondition-required' })
  })

  it.each(['*', '7', 'W/"7"', '"7", "8"', '"0"', '"a"', '"99999999999999999"'])(
    'is one strong ETag, not %s',
    async (tag) => {
      expect(await change({ 'if-match': tag })).toMatchObject({ status: 400, type: 'malformed-header' })
    },
  )

  it.each([
    ['{"name":"x","version":8}', '/version'],
    [`{"name":"x","id":"${id}"}`, '/id'],
  ])('nor can the body give what header and path do: %s', async (body, pointer) => {
    expect(await change({ 'if-match': '"7"' }, body)).toMatchObject({
      status: 422,
      errors: [{ pointer, rule: 'unknown-field' }],
    })
  })

  it('a path that is no id is refused', async () => {
    expect(await change({ 'if-match': '"7"' }, '{"name":"x"}', '/v1/notes/me')).toMatchObject({
      status: 422,
      errors: [{ pointer: '/id', rule: 'uuid' }],
    })
  })
})

describe('an idempotency key', () => {
  it.each(['', ' ', 'ä', 'a b', 'x'.repeat(129)])('is refused: %j', async (key) => {
    const response = write('{"name":"x"}', {
      ...json,
      'idempotency-key': Buffer.from(key).toString('latin1'),
    })
    expect(await response).toMatchObject({ status: 400, type: 'malformed-header' })
  })
})

describe('a path', () => {
  it('that is unknown is 404, and another method 405 with those that it takes', async () => {
    expect(await refusal('/v1/note', { method: 'GET' })).toMatchObject({
      status: 404,
      type: 'route-not-found',
    })
    const response = await app.request('/v1/notes', { method: 'DELETE', headers: identity })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST, GET')
  })
})

it('validates rows of a file the same way', () => {
  expect(() => validate(z.strictObject({ name: text(3) }), { name: 'long' })).toThrow('/name')
})
