import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { digestOf, type Reference, retag } from './registry.ts'

/** As much of a registry as is asked here: manifests by path, and their kind. */
const manifests = new Map([
  [
    '/v2/staffmesh/edge/manifests/key',
    { type: 'application/vnd.oci.image.manifest.v1+json', body: '{"layers":[]}' },
  ],
])
const server = createServer(async (request, response) => {
  if (request.method === 'PUT')
    manifests.set(request.url!, { type: request.headers['content-type']!, body: await text(request) })
  const found = request.url!.includes('/broken/') ? undefined : manifests.get(request.url!)
  const status = request.url!.includes('/broken/') ? 500 : found ? 200 : 404
  response.writeHead(status, {
    'content-type': found?.type ?? 'text/plain',
    'docker-content-digest': `digest of ${found?.body}`,
  })
  response.end(found?.body)
})
let edge: Reference
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  edge = { registry: `127.0.0.1:${port}`, repository: 'staffmesh/edge', tag: 'key' }
})
afterAll(() => void server.close())

it('tells what a tag stands for, and that there is none', async () => {
  expect(await digestOf(edge)).toBe('digest of {"layers":[]}')
  expect(await digestOf({ ...edge, tag: 'dev' })).toBeUndefined()
  await retag(edge, 'dev')
  expect(await digestOf({ ...edge, tag: 'dev' })).toBe('digest of {"layers":[]}')
})

it('does not take a failing registry for one without the image', async () => {
  await expect(digestOf({ ...edge, repository: 'broken/edge' })).rejects.toThrow('answers 500')
})
