import { expect, test } from 'vitest'
import { services } from '../services/index.ts'
import { planOf, portsNeeded } from './plan.ts'

const names = services.filter(({ database }) => database).map(({ name }) => name)
const planning = {
  services,
  port: 8080,
  environment: {},
  connections: Object.fromEntries(
    names.map((name) => [name, { owner: `${name}-owner`, app: `${name}-app`, worker: `${name}-worker` }]),
  ),
  secrets: { databases: {}, signingKeysFile: '/signing', cookieKeysFile: '/cookies' },
  ports: Array.from({ length: portsNeeded(services) }, (_, index) => 20_000 + index),
}
const plan = planOf(planning)
const envOf = (name: string) => plan.processes.find((process) => process.name === name)!.env

test('each process has a port of its own and stops in exactly one phase', () => {
  const ports = plan.processes.map(({ env }) => env.PORT)
  expect(new Set(ports).size).toBe(portsNeeded(services) + 1)
  expect(plan.phases.flat().sort()).toEqual(plan.processes.map(({ name }) => name).sort())
})

test.each(services.map((service) => [service.name, service] as const))(
  '%s gets what it declares, and no more',
  (name, service) => {
    const given = Object.keys(envOf(name)).filter((key) => key.endsWith('_URL') && key !== 'PUBLIC_URL')
    const calls = Object.keys(service.calls).map((callee) => `${callee.toUpperCase()}_URL`)
    expect(given.sort()).toEqual([...(service.database ? ['DATABASE_URL'] : []), ...calls].sort())
    for (const callee of Object.keys(service.calls)) {
      expect(envOf(name)[`${callee.toUpperCase()}_URL`]).toBe(`http://127.0.0.1:${envOf(callee).PORT}`)
    }
  },
)

test('no running process gets the credentials of an owner, and only workers those of the queue', () => {
  for (const { name, env } of plan.processes) {
    expect(Object.values(env).filter((value) => value.endsWith('-owner'))).toEqual([])
    expect('QUEUE_DATABASE_URL' in env, name).toBe(name.endsWith('-worker'))
  }
})

test('the clock is set for leave alone, its server and its worker, and only where it was asked for', () => {
  const clocksOf = ({ processes }: typeof plan) =>
    processes.flatMap(({ name, env }) => (env.LEAVE_NOW ? [[name, env.LEAVE_NOW]] : []))
  expect(clocksOf(plan)).toEqual([])
  const now = '2027-01-01T00:00:00Z'
  expect(clocksOf(planOf({ ...planning, now }))).toEqual([
    ['leave', now],
    ['leave-worker', now],
  ])
})
