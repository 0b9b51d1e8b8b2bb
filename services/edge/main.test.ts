import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { services } from '../index.ts'
import { readEdgeConfig } from './config.ts'
import { type Issuer, startIssuer } from './fixtures/issuer.ts'
import { samplesOf } from './suite/subject.ts'
import { type Running, serveOn } from './testing.ts'

const entry = fileURLToPath(new URL('./main.ts', import.meta.url))

describe('the process of the edge', () => {
  let issuer: Issuer
  let slow: Running
  let arrived: PromiseWithResolvers<() => void>
  let edge: ChildProcess
  let url: string

  beforeEach(async () => {
    issuer = await startIssuer()
    arrived = Promise.withResolvers()
    slow = await serveOn((_request, response) => arrived.resolve(() => response.end('{"late":true}')))
    url = `http://localhost:${await freePort()}`
    edge = spawn(process.execPath, [entry], {
      stdio: ['pipe', 'ignore', 'inherit'],
      env: {
        PATH: process.env.PATH,
        PORT: new URL(url).port,
        PUBLIC_URL: url,
        LOG_LEVEL: 'silent',
        EXIT_WITH_PARENT: '1',
        ...Object.fromEntries(services.map(({ name }) => [`${name.toUpperCase()}_URL`, slow.url])),
        IDENTITY_URL: issuer.jwks.origin,
      },
    })
  })
  afterEach(async () => {
    if (edge.exitCode === null) edge.kill('SIGKILL')
    await slow.close()
    issuer.close()
  })

  const isReady = () =>
    vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), 10_000)

  async function ask() {
    const token = await issuer.sign({ iss: `${url}/oidc` })
    const sent = request(`${url}${samplesOf(services).list.path}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    sent.end()
    return once(sent, 'response').then(async ([response]) => ({
      status: response.statusCode as number,
      body: await text(response),
    }))
  }

  it('answers what is under way before it ends', async () => {
    await isReady()
    const answered = ask()
    const answerNow = await arrived.promise
    const ended = once(edge, 'exit')
    edge.kill('SIGTERM')
    await vi.waitFor(() => expect(fetch(`${url}/readyz`)).rejects.toThrow())
    answerNow()
    expect(await answered).toEqual({ status: 200, body: '{"late":true}' })
    expect(await ended).toEqual([0, null])
  })

  it('ends with the launcher that holds its standard input', async () => {
    await isReady()
    edge.stdin!.end()
    expect(await once(edge, 'exit')).toEqual([0, null])
  })
})

describe('the configuration of the edge', () => {
  const env = { PUBLIC_URL: 'https://hr.example.com' }

  it('faces this machine only, unless told otherwise', () => {
    expect(readEdgeConfig(env)).toMatchObject({ host: '127.0.0.1', port: 8080, origins: [] })
    expect(readEdgeConfig({ ...env, EDGE_HOST: '0.0.0.0' }).host).toBe('0.0.0.0')
  })

  it('takes several origins', () => {
    const { origins } = readEdgeConfig({ ...env, CORS_ORIGINS: 'https://a.example, http://localhost:5173' })
    expect(origins).toEqual(['https://a.example', 'http://localhost:5173'])
  })

  it.each([
    {},
    { PUBLIC_URL: 'hr.example.com' },
    { PUBLIC_URL: 'https://hr.example.com/x' },
    { ...env, CORS_ORIGINS: '*' },
  ])('refuses %j', (wrong) => {
    expect(() => readEdgeConfig(wrong)).toThrow(/PUBLIC_URL|CORS_ORIGINS/)
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
