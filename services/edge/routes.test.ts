import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Service } from '#kit/service.ts'
import { doorService, thingsService } from './fixtures/service.ts'
import { Routes, segmentsOf } from './routes.ts'

const routes = new Routes([thingsService, doorService])
const find = (method: string, path: string) => {
  const segments = segmentsOf(path)
  return segments && routes.find(segments)?.get(method)
}

describe('routes', () => {
  it.each([
    ['GET', '/v1/things', 'listThings'],
    ['POST', '/v1/things', 'createThing'],
    ['GET', '/v1/things/mine', 'listMine'],
    ['GET', '/v1/things/mi%6ee', 'listMine'],
    ['GET', '/v1/things/0190', 'getThing'],
    ['POST', '/oidc/login/x', '/oidc/login/{uid}'],
  ])('lead %s %s to %s', (method, path, operation) => {
    expect(find(method, path)).toMatchObject({ operation })
  })

  it('demand a token everywhere but on public paths', () => {
    expect(find('GET', '/v1/things')?.needsToken).toBe(true)
    expect(find('POST', '/oidc/token')?.needsToken).toBe(false)
  })

  it('have the body limit of their operation', () => {
    expect(find('GET', '/v1/things')?.maxBody).toBe(0)
    expect(find('POST', '/v1/things')?.maxBody).toBe(1_000_000)
    expect(find('POST', '/v1/things/import')?.maxBody).toBe(8_000_000)
  })

  it('do not lead to operations of data services', () => {
    expect(find('POST', '/openDoor')).toBeUndefined()
  })

  it('are refused when two services declare the same', () => {
    const twin = { ...thingsService, name: 'twins' } as Service
    expect(() => new Routes([thingsService, twin])).toThrow(
      'GET /v1/things is declared by things.listThings and twins.listThings',
    )
  })

  it.each([
    '',
    'v1',
    '//',
    '/v1/',
    '/v1//things',
    '/v1/..',
    '/v1/./x',
    '/%2e%2e/v1',
    '/a%2fb',
    '/a%5Cb',
    '/a%00',
    '/a%25b',
    '/a%zz',
    '/a\\b',
    '/é',
    '/a#b',
    '*',
  ])('have no path %j', (path) => {
    expect(segmentsOf(path)).toBeUndefined()
  })

  it('read any path the way a URL parser does, or not at all', () => {
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      '%',
      '%25',
      'v1',
      'things',
      ';',
      '\\',
      'é',
      'a',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const path = `/${pieces.join('')}`
        const segments = segmentsOf(path)
        if (!segments) return
        const parsed = new URL(path, 'http://edge').pathname
        expect(`/${segments.join('/')}`).toBe(decodeURIComponent(parsed))
      }),
    )
  })
})
