import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Pool } from 'undici'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { command, contract } from './contract.ts'
import { refusals } from './problem.ts'
import { createApp } from './server.ts'
import { callerHeaders, until } from './testing.ts'

const files = contract({
  service: 'files',
  layer: 'application',
  problems: { 'no-file': { status: 404, title: 'There is no such file' } },
  operations: {
    putFile: command({
      summary: 'Takes no file',
      deadline: 5000,
      route: { method: 'PUT', path: '/v1/file' },
      roles: { employee: 'all' },
      upload: { type: 'text/csv', maxBytes: 10_000_000 },
      input: z.strictObject({}),
      output: z.object({}),
      errors: ['no-file'],
    }),
  },
})

it('reads a refused upload to its end, so that the connection is free for the next request', async () => {
  const app = createApp(files, {
    async putFile(_input, call) {
      // Begins to read, as a handler does that finds a mistake at the file's start.
      await call.body!.getReader().read()
      throw refusals(files.problems)('no-file')
    },
  })
  const requests: IncomingMessage[] = []
  const server = createServer(getRequestListener(app.fetch)).on('request', (request) =>
    requests.push(request),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { connections: 1 })
  const headers = callerHeaders({ tenant: '01990000-0000-7000-8000-000000000000', roles: ['employee:all'] })

  const { statusCode, body } = await pool.request({
    method: 'PUT',
    path: '/v1/file',
    headers: { ...headers, 'content-type': 'text/csv' },
    body: Buffer.alloc(2_000_000),
  })
  await body.dump()
  expect(statusCode).toBe(404)
  await until(() => requests[0]!.complete)
  expect(requests[0]!.socket.destroyed).toBe(false)

  await pool.destroy()
  server.close()
})
