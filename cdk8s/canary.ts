import { identityHeaders } from '#kit/caller.ts'
import type { Service } from '#kit/service.ts'
import { type Environment, imageOf } from './environments.ts'

/** Refuses a canary that nobody could have meant. */
export function checkCanary(services: readonly Service[], environment: Environment): void {
  const { name, canary } = environment
  if (!canary) return
  const { service, weight, header, replicas = 1 } = canary
  const refuse = (fault: string, remedy: string): never => {
    throw new Error(`${name}: the canary of ${service} ${fault}; ${remedy}`)
  }
  const names = services.map((each) => each.name)
  if (!names.includes(service)) refuse('has no such service', `name one of ${names.join(', ')}`)
  if (!Number.isInteger(weight) || weight < 0 || weight > 100)
    refuse(`has weight ${weight}`, 'give whole percents from 0 to 100')
  if (!Number.isInteger(replicas) || replicas < 1)
    refuse(`has ${replicas} replicas`, 'give at least 1, or leave canary out')
  if (imageOf(environment, service, 'canary') === imageOf(environment, service))
    refuse('is the version that runs already', 'give another tag or digest, or leave canary out')
  if (header && (!/^[a-z][a-z0-9-]*$/.test(header.name) || header.value === ''))
    refuse('has a header that cannot be matched', 'give a name in small letters and a value')
  if (header && spokenFor.includes(header.name))
    refuse(`goes by ${header.name}, which has a meaning already`, 'take a header of its own')
}

const spokenFor: readonly string[] = [
  ...Object.values(identityHeaders),
  'authorization',
  'host',
  'idempotency-key',
]
