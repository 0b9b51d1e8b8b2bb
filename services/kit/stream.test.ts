import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { contract, stream } from './contract.ts'
import { log } from './log.ts'
import { refusals } from './problem.ts'
import { createApp } from './server.ts'
import { record } from './telemetry.ts'
import { callerHeaders, serveApp, until } from './testing.ts'

const clock = contract({
  service: 'clock',
  layer: 'application',
  problems: { 'no-clock': { status: 404, title: 'There is no such clock' } },
  operations: {
    watch: stream({
      summary: 'Ticks',
      deadline: 5000,
      sse: true,
      route: { method: 'GET', path: '/v1/clocks/{name}/events' },
      roles: { employee: 'all' },
      input: z.strictObject({ name: z.string() }),
      output: z.object({ tick: z.int() }),
      errors: ['no-clock'],
    }),
  },
})
const refuse = refusals(clock.problems)

function clockApp(draining?: AbortSignal) {
  const handlers = {
    async watch({ name }: { name: string }, { signal }: { signal: AbortSignal }) {
      if (name === 'missing') throw refuse('no-clock')
      return (async function* ticks() {
        for (let tick = 1; !signal.aborted && tick <= 3; tick++) {
          yield { id: String(tick), data: { tick, secret: 'stripped' } }
          if (name === 'broken') throw new Error('a spring broke')
          if (name === 'slow') await sleep(60_000, undefined, { signal })
        }
      })()
    },
  }
  return createApp(clock, handlers, draining ? { draining } : {})
}

const headers = callerHeaders({ tenant: '01990000-0000-7000-8000-000000000000', roles: ['employee:all'] })
const watch = (name: string, draining?: AbortSignal) =>
  clockApp(draining).request(`/v1/clocks/${name}/events`, { headers })

/** How many are open, by operation, as the counter tells from now on. */
function countOpen() {
  const open: Record<string, number> = {}
  record({
    start: () => ({ traceparent: '', end() {} }),
    measure() {},
    add(metric, howMany, { 'staffmesh.operation': operation = '' }) {
      expect(metric).toBe('staffmesh.open_streams')
      open[operation] = (open[operation] ?? 0) + howMany
    },
  })
  return open
}

afterEach(() => {
  record(undefined)
  vi.restoreAllMocks()
})

describe('a stream of server-sent events', () => {
  it('sends each event with its id, stripped to the contract', async () => {
    const response = await watch('wall')
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await response.text()).toBe(
      'data: {"tick":1}\nid: 1\n\ndata: {"tick":2}\nid: 2\n\ndata: {"tick":3}\nid: 3\n\n',
    )
  })

  it('answers a refusal as a problem, since nothing was sent yet', async () => {
    const response = await watch('missing')
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      type: 'https://staffmesh.dev/problems/no-clock',
      title: 'There is no such clock',
      status: 404,
    })
  })

  it('is not opened for who asks for its headers only', async () => {
    const response = await clockApp().request('/v1/clocks/slow/events', { method: 'HEAD', headers })
    expect(response.status).toBe(405)
  })

  it('just ends when it breaks later, and only the log tells why', async () => {
    const logged = vi.spyOn(log, 'error').mockImplementation(() => {})
    expect(await (await watch('broken')).text()).toBe('data: {"tick":1}\nid: 1\n\n')
    expect(logged).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ err: new Error('a spring broke') }),
      'stream broke off',
    )
  })

  it('is counted for as long as it is open, and 0 is told before the first', async () => {
    const open = countOpen()
    const draining = new AbortController()
    const server = await serveApp(clockApp(draining.signal))
    expect(open).toEqual({ watch: 0 })
    const hungUp = new AbortController()
    const ask = (name: string, signal?: AbortSignal) =>
      fetch(`${server.url}/v1/clocks/${name}/events`, { headers, ...(signal ? { signal } : {}) })
    await ask('slow', hungUp.signal)
    const slow = await ask('slow')
    expect(open).toEqual({ watch: 2 })
    expect((await ask('missing')).status).toBe(404)
    expect(open).toEqual({ watch: 2 })
    hungUp.abort()
    await until(() => open.watch === 1)
    draining.abort()
    await slow.text()
    expect(open).toEqual({ watch: 0 })
    await server.close()
  })

  it('ends when the process drains, which is no failure', async () => {
    const logged = vi.spyOn(log, 'error')
    const draining = new AbortController()
    const response = await watch('slow', draining.signal)
    draining.abort()
    expect(await response.text()).toBe('data: {"tick":1}\nid: 1\n\n')
    expect(logged).not.toHaveBeenCalled()
  })
})
