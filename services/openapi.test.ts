import { readFile } from 'node:fs/promises'
import { validate } from '@hyperjump/json-schema/openapi-3-1'
import { describe, expect, it } from 'vitest'
import { openApi } from '#kit/openapi.ts'
import { services } from './index.ts'

const contracts = services.map(({ contract }) => contract).filter(({ layer }) => layer === 'application')
const document = openApi(contracts, { version: '0.1.0', issuer: 'http://localhost:8080/oidc' })

interface Described {
  parameters?: { name: string; in: string; schema: object }[]
  responses: Record<string, object>
}
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...(operation as Described) })),
)

describe('the public API', () => {
  it('is described by a valid OpenAPI 3.1 document', async () => {
    const plain = JSON.parse(JSON.stringify(document))
    expect(await validate('https://spec.openapis.org/oas/3.1/schema-base', plain, 'BASIC')).toEqual({
      valid: true,
    })
  })

  it('has every operation of the application services', () => {
    expect(described.length).toBeGreaterThan(30)
    expect(described).toHaveLength(
      contracts.reduce((count, { operations }) => count + Object.keys(operations).length, 0),
    )
  })

  it.each(described)('$method $path describes its path parameters and refusals', ({ path, ...operation }) => {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    expect(parameters.map(({ name }) => name)).toEqual(named)
    for (const { schema } of parameters) expect(schema).toHaveProperty('type')
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403', '422', '503']))
  })

  it('has no reference that leads nowhere', () => {
    const text = JSON.stringify(document)
    for (const [, kind, name] of text.matchAll(/"#\/components\/(schemas|responses)\/([^"]+)"/g))
      expect(document.components[kind as 'schemas' | 'responses']).toHaveProperty([name!])
  })

  it('takes the size of a page the same way everywhere', () => {
    for (const { parameters } of described)
      for (const limit of parameters?.filter(({ name }) => name === 'limit') ?? [])
        expect(limit.schema).toEqual({ default: 50, type: 'integer', minimum: 1, maximum: 200 })
  })

  it.each(contracts)('is listed in the README of $service', async ({ service, operations }) => {
    const readme = await readFile(new URL(`./${service}/README.md`, import.meta.url), 'utf8')
    expect(Object.keys(operations).filter((name) => !readme.includes(`\`${name}\``))).toEqual([])
  })
})
