import { validate } from '@hyperjump/json-schema/openapi-3-1'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { command, contract, query, stream } from './contract.ts'
import { counterContract } from './fixtures/counter/contract.ts'
import { openApi } from './openapi.ts'
import { id, localDate, page, pageOf, text, version } from './schemas.ts'

const options = { version: '1.0.0', issuer: 'https://hr.example.com/oidc' }

/** Knows the dialect, so that it also checks the schemas inside the document. */
const metaSchema = 'https://spec.openapis.org/oas/3.1/schema-base'

const book = z.object({ id, title: z.string(), printed: localDate.nullable(), version }).meta({ id: 'Book' })
const library = contract({
  service: 'library',
  layer: 'application',
  problems: { 'book-lent': { status: 409, title: 'The book is lent' } },
  operations: {
    listBooks: query({
      summary: 'Lists books',
      deadline: 1000,
      route: { method: 'GET', path: '/v1/books' },
      roles: { employee: 'all' },
      input: z.strictObject(page),
      output: pageOf(book),
    }),
    renameBook: command({
      summary: 'Renames a book',
      deadline: 1000,
      route: { method: 'PATCH', path: '/v1/books/{bookId}', ifMatch: 'version' },
      roles: { 'hr-admin': 'all' },
      input: z.strictObject({ bookId: id, version, title: text(40), note: text(40).optional() }),
      output: book,
      errors: ['book-lent'],
    }),
    uploadBooks: command({
      summary: 'Uploads books',
      deadline: 1000,
      route: { method: 'POST', path: '/v1/books/upload', status: 202 },
      roles: { 'hr-admin': 'all' },
      upload: { type: 'text/csv', maxBytes: 1000 },
      input: z.strictObject({ shelf: text(10).optional() }),
      output: z.object({ rows: z.int() }),
    }),
    watchBook: stream({
      summary: 'Watches a book',
      deadline: 60_000,
      sse: true,
      route: { method: 'GET', path: '/v1/books/{bookId}/events' },
      roles: { employee: 'all' },
      input: z.strictObject({ bookId: id }),
      output: book,
    }),
  },
})

const operation = (path: string, method: string) =>
  openApi([library], options).paths[path]![method] as Record<string, never>

describe('the OpenAPI document', () => {
  it.each([
    ['an application service', [library]],
    ['a data service', [counterContract]],
    ['both', [library, counterContract]],
  ])('of %s conforms to OpenAPI 3.1', async (_, contracts) => {
    const document = JSON.parse(JSON.stringify(openApi(contracts, options)))
    expect(await validate(metaSchema, document, 'BASIC')).toEqual({
      valid: true,
    })
  })

  it('would be refused by that check if a schema were wrong', async () => {
    const document = openApi([library], options)
    document.components.schemas.Book = { type: 'objekt' }
    expect(await validate(metaSchema, JSON.parse(JSON.stringify(document)))).toEqual({ valid: false })
  })

  it('places each field where the server reads it', () => {
    const { parameters, requestBody } = operation('/v1/books/{bookId}', 'patch')
    expect(parameters).toMatchObject([
      { name: 'bookId', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
      { name: 'If-Match', in: 'header', required: true },
      { name: 'Idempotency-Key', in: 'header', required: false },
    ])
    expect(requestBody).toEqual({
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['title'],
            additionalProperties: false,
            properties: {
              title: expect.objectContaining({ type: 'string', maxLength: 40 }),
              note: expect.objectContaining({ type: 'string' }),
            },
          },
        },
      },
    })
  })

  it('shares what has an id, and lets outputs grow', () => {
    const { components } = openApi([library], options)
    expect(components.schemas.Book).toMatchObject({ required: ['id', 'title', 'printed', 'version'] })
    expect(components.schemas.Book).not.toHaveProperty('additionalProperties')
    expect(operation('/v1/books', 'get')).toMatchObject({
      responses: {
        200: {
          content: {
            'application/json': {
              schema: { properties: { items: { items: { $ref: '#/components/schemas/Book' } } } },
            },
          },
        },
      },
    })
  })

  it('lists the problems of a status by their type', () => {
    expect(operation('/v1/books/{bookId}', 'patch')).toMatchObject({
      responses: {
        409: {
          description: 'The same command is still running; or: The book is lent',
          content: {
            'application/problem+json': {
              schema: {
                $ref: '#/components/schemas/Problem',
                properties: {
                  type: {
                    enum: [
                      'https://staffmesh.dev/problems/idempotency-conflict',
                      'https://staffmesh.dev/problems/book-lent',
                    ],
                  },
                },
              },
            },
          },
        },
        428: { $ref: '#/components/responses/precondition-required' },
      },
    })
    expect(operation('/v1/books', 'get')).not.toMatchObject({ responses: { 415: {} } })
  })

  it('describes uploads and event streams by their media type', () => {
    expect(operation('/v1/books/upload', 'post')).toMatchObject({
      parameters: [{ name: 'Idempotency-Key' }, { name: 'shelf', in: 'query', required: false }],
      requestBody: { content: { 'text/csv': { schema: { type: 'string' } } } },
      responses: { 202: { content: { 'application/json': {} } } },
    })
    expect(operation('/v1/books/{bookId}/events', 'get')).toMatchObject({
      responses: {
        200: {
          content: {
            'text/event-stream': { schema: { contentSchema: { $ref: '#/components/schemas/Book' } } },
          },
        },
      },
    })
  })

  it('names the endpoints of the issuer', () => {
    expect(openApi([library], options).components.securitySchemes).toMatchObject({
      login: { flows: { authorizationCode: { tokenUrl: 'https://hr.example.com/oidc/token' } } },
    })
  })

  it('leaves out what no user may call', () => {
    expect(Object.keys(openApi([counterContract], options).paths)).not.toContain('/events')
  })

  it('refuses two operations of one name', () => {
    expect(() => openApi([library, library], options)).toThrow('Two operations are called listBooks')
  })
})
