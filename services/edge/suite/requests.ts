import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { encodeRoles, identityHeaders } from '#kit/caller.ts'
import { type Subject, samplesOf } from './subject.ts'
import { ask, expectProblem, open, write } from './wire.ts'

/** What the edge makes of paths, methods, headers and bodies. */
export function requestSuite(subject: () => Subject): void {
  const url = () => subject().url
  const samples = () => samplesOf(subject().services)
  const admin = () => subject().token('hr-admin')

  describe('spoofed headers', () => {
    const spoofed = {
      [identityHeaders.sub]: '0190a000-0000-7000-8000-0000000000ff',
      [identityHeaders.tid]: '0190a000-0000-7000-8000-0000000000ff',
      [identityHeaders.azp]: 'staffmesh-web',
      [identityHeaders.roles]: encodeRoles(['hr-admin:all']),
    }

    it('are no token', async () => {
      expectProblem(await ask(url(), { path: samples().list.path, headers: spoofed }), 'unauthenticated')
    })

    it('give no role', async () => {
      const token = await subject().token('employee')
      const answer = await ask(url(), { path: samples().list.path, token, headers: spoofed })
      expectProblem(answer, 'forbidden')
    })

    it('change no tenant', async () => {
      const token = await admin()
      const { path } = samples().list
      const plain = await ask(url(), { path, token })
      expect((await ask(url(), { path, token, headers: spoofed })).body).toBe(plain.body)
    })

    it('survive not by being named in Connection', async () => {
      const token = await subject().token('employee')
      const headers = { ...spoofed, connection: `keep-alive, ${Object.keys(spoofed).join(', ')}` }
      expectProblem(await ask(url(), { path: samples().list.path, token, headers }), 'forbidden')
      const hidden = { connection: 'close, authorization' }
      expect(
        (await ask(url(), { path: samples().list.path, token: await admin(), headers: hidden })).status,
      ).toBe(200)
    })

    it('set no deadline', async () => {
      const headers = { 'x-staffmesh-deadline': '1' }
      expect((await ask(url(), { path: samples().list.path, token: await admin(), headers })).status).toBe(
        200,
      )
    })
  })

  describe('a path', () => {
    it('that nobody declares is not found', async () => {
      const token = await admin()
      for (const path of ['/v1', '/v2/x', '/admin', '/v1/no-such-thing', '/.env'])
        expectProblem(await ask(url(), { path, token }), 'route-not-found')
    })

    it('of an operation inside is not found, whoever asks', async () => {
      const token = await admin()
      expect(samples().inside.length).toBeGreaterThan(0)
      for (const path of samples().inside) {
        const answer = await ask(url(), {
          method: 'POST',
          path,
          token,
          body: '{}',
          headers: { 'content-type': 'application/json' },
        })
        expectProblem(answer, 'route-not-found')
      }
    })

    it('in disguise gets nobody past the token', async () => {
      const { path } = samples().list
      const [, first, ...rest] = path.split('/')
      const tail = rest.join('/')
      const disguises = [
        `/${path}`,
        `${path}/`,
        `${path}//`,
        `/./${first}/${tail}`,
        `/x/..${path}`,
        `/oidc/..${path}`,
        `/oidc/%2e%2e${path}`,
        `/oidc/..%2f${first}%2f${tail}`,
        `/oidc/..%5c${first}%5c${tail}`,
        `/oidc%2f..${path}`,
        `/${first}%2f${tail}`,
        `/${first}%252f${tail}`,
        `${path}%00`,
        `${path};x=/oidc/token`,
        `/%${first!.charCodeAt(0).toString(16)}${first!.slice(1)}/${tail}`,
        path.toUpperCase(),
        `http://127.0.0.1:9${path}`,
      ]
      for (const disguise of disguises) {
        const { status } = await ask(url(), { path: disguise })
        expect([400, 401, 404], `${disguise} answered ${status}`).toContain(status)
      }
    })
  })

  describe('a method', () => {
    it('that a path does not take is refused with those that it takes', async () => {
      const { path } = samples().list
      const answer = await ask(url(), { method: 'DELETE', path, token: await admin() })
      expectProblem(answer, 'method-not-allowed')
      expect(String(answer.headers.allow).split(/, */)).toContain('GET')
      expectProblem(await ask(url(), { method: 'TRACE', path, token: await admin() }), 'method-not-allowed')
    })

    it('cannot be overridden by a header', async () => {
      const headers = { 'x-http-method-override': 'DELETE', 'x-http-method': 'DELETE' }
      expect((await ask(url(), { path: samples().list.path, token: await admin(), headers })).status).toBe(
        200,
      )
    })

    it('HEAD answers as GET does, without the body', async () => {
      const { path } = samples().list
      const answer = await ask(url(), { method: 'HEAD', path, token: await admin() })
      expect(answer).toMatchObject({ status: 200, body: '' })
      expect(answer.headers['content-type']).toMatch(/^application\/json/)
      expect((await ask(url(), { method: 'HEAD', path })).status).toBe(401)
    })

    it('OPTIONS says what a path takes, and needs no token', async () => {
      const answer = await ask(url(), { method: 'OPTIONS', path: samples().list.path })
      expect(answer.status).toBe(204)
      expect(String(answer.headers.allow).split(/, */)).toContain('GET')
    })
  })

  describe('a request id', () => {
    const get = (headers: Record<string, string>) => ask(url(), { path: samples().list.path, headers })

    it('of the client comes back', async () => {
      const answer = await get({ 'x-request-id': 'mobile-7f3a.1' })
      expect(answer.headers['x-request-id']).toBe('mobile-7f3a.1')
    })

    it('is made where there is none, and never twice', async () => {
      const ids = [await get({}), await get({})].map(({ headers }) => headers['x-request-id'])
      expect(new Set(ids).size).toBe(2)
      for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/)
    })

    it('that could harm a log is replaced', async () => {
      for (const hostile of ['a', 'x'.repeat(500), '"},{"level":"fatal', '<script>alert(1)</script>']) {
        const answer = await get({ 'x-request-id': hostile })
        expect(answer.headers['x-request-id']).toMatch(/^[\w.-]{8,64}$/)
      }
    })
  })

  describe('a page of another origin', () => {
    it('may call when it is known', async () => {
      const { origin } = subject()
      const answer = await ask(url(), {
        path: samples().list.path,
        token: await admin(),
        headers: { origin },
      })
      expect(answer.headers['access-control-allow-origin']).toBe(origin)
      expect(answer.headers.vary).toMatch(/origin/i)
      const exposed = String(answer.headers['access-control-expose-headers']).toLowerCase().split(/, */)
      expect(exposed).toEqual(
        expect.arrayContaining([
          'etag',
          'location',
          'retry-after',
          'ratelimit-limit',
          'ratelimit-remaining',
          'ratelimit-reset',
          'x-request-id',
          'idempotent-replayed',
        ]),
      )
    })

    it('can read why it was refused', async () => {
      const { origin } = subject()
      const answer = await ask(url(), { path: samples().list.path, headers: { origin } })
      expectProblem(answer, 'unauthenticated')
      expect(answer.headers['access-control-allow-origin']).toBe(origin)
    })

    it('asks first without a token', async () => {
      const { origin } = subject()
      const answer = await ask(url(), {
        method: 'OPTIONS',
        path: samples().json.path,
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,idempotency-key,if-match',
        },
      })
      expect(answer.status).toBe(204)
      expect(answer.headers['access-control-allow-origin']).toBe(origin)
      expect(String(answer.headers['access-control-allow-methods']).split(/, */)).toContain('POST')
      const allowed = String(answer.headers['access-control-allow-headers']).toLowerCase().split(/, */)
      expect(allowed).toEqual(
        expect.arrayContaining(['authorization', 'content-type', 'idempotency-key', 'if-match']),
      )
    })

    it('gets no leave when it is unknown', async () => {
      for (const origin of ['https://evil.example', 'null', `${subject().origin}.evil.example`]) {
        const headers = { origin, 'access-control-request-method': 'GET' }
        for (const method of ['GET', 'OPTIONS']) {
          const answer = await ask(url(), {
            method,
            path: samples().list.path,
            token: await admin(),
            headers,
          })
          expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
          expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
        }
      }
    })
  })

  describe('a body', () => {
    /** Sends the headers and a first byte, and no more until the answer has come. */
    async function begin(
      { method, path }: { method: string; path: string },
      headers: Record<string, string>,
      token: string,
    ) {
      const sent = open(url(), {
        method,
        path,
        headers: { ...headers, authorization: `Bearer ${token}` },
      })
      sent.on('error', () => {})
      sent.write(' ')
      const [response] = await once(sent, 'response')
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      await once(response, 'end')
      sent.destroy()
      return {
        status: response.statusCode,
        headers: response.headers,
        body: Buffer.concat(chunks).toString(),
      }
    }
    const json = { 'content-type': 'application/json' }

    it('that announces too much is refused before it is sent', async () => {
      const headers = { ...json, 'content-length': '10000000' }
      expectProblem(await begin(samples().json, headers, await admin()), 'body-too-large')
    })

    it('is not asked for when it is unwelcome', async () => {
      const sent = open(url(), {
        method: 'POST',
        path: samples().json.path,
        headers: { ...json, 'content-length': '10', expect: '100-continue' },
      })
      let isAsked = false
      sent.on('continue', () => {
        isAsked = true
      })
      sent.on('error', () => {})
      sent.flushHeaders()
      const [response] = await once(sent, 'response')
      expect(response.statusCode).toBe(401)
      expect(isAsked).toBe(false)
      sent.destroy()
    })

    it('that turns out too large is refused', async () => {
      const answer = await ask(url(), {
        method: 'POST',
        path: samples().json.path,
        token: await admin(),
        headers: { ...json, 'transfer-encoding': 'chunked' },
        body: JSON.stringify({ name: 'x'.repeat(2_000_000) }),
      })
      expectProblem(answer, 'body-too-large')
    })

    it('of a file has the limit of its operation', async () => {
      const { upload } = samples()
      const headers = { 'content-type': 'text/csv' }
      const tooLarge = { ...headers, 'content-length': String(upload.op.upload!.maxBytes + 1) }
      expectProblem(await begin(upload, tooLarge, await admin()), 'body-too-large')
      const fits = await ask(url(), {
        ...upload,
        token: await admin(),
        headers,
        body: `a,b\n${'1,2\n'.repeat(400_000)}`,
      })
      expect(fits.status).not.toBe(413)
    })
  })

  describe('HTTP that two parsers could read differently', () => {
    const host = () => `Host: ${new URL(url()).host}`
    const refused = async (...lines: string[]) => {
      const received = await write(url(), lines.join('\r\n'))
      expect(received).toMatch(/^HTTP\/1\.1 400 /)
      expect(received.match(/HTTP\/1\.1 /g), 'one answer, then the connection is closed').toHaveLength(1)
    }

    it.each([
      ['two lengths', 'Content-Length: 5', 'Content-Length: 6'],
      ['a length and chunks', 'Content-Length: 6', 'Transfer-Encoding: chunked'],
      ['an unknown transfer encoding', 'Transfer-Encoding: cow'],
      ['a blank before the colon', 'Transfer-Encoding : chunked'],
      ['a length that is no number', 'Content-Length: +5'],
      ['a name with a blank', 'X Y: 1'],
    ])('is refused: %s', async (_what, ...headers) => {
      const smuggled = ['0', '', 'GET /v1/smuggled HTTP/1.1', host(), '', '']
      await refused(`POST ${samples().json.path} HTTP/1.1`, host(), ...headers, '', ...smuggled)
    })

    it('is refused: no host', async () => {
      const received = await write(url(), `GET ${samples().list.path} HTTP/1.1\r\nConnection: close\r\n\r\n`)
      expect(received).toMatch(/^HTTP\/1\.1 400 /)
    })

    it('is refused: headers without end', async () => {
      const { status } = await ask(url(), {
        path: samples().list.path,
        headers: { 'x-long': 'x'.repeat(70_000) },
      })
      expect([400, 431]).toContain(status)
    })
  })
}
