import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Killed, services, World } from './fixtures/world.ts'
import { rotate } from './rotate.ts'

let world: World
beforeEach(async () => {
  world = await World.start()
})
afterEach(() => world.close())

const run = (job: string) => rotate(world.config(job), world.io())
const kids = () => world.keys.keys.map(({ kid }) => kid)

/** Everybody takes the two keys of the Secret, and identity signs with the first. */
function expectRest(): void {
  expect(world.phase).toBeUndefined()
  for (const [who, published] of Object.entries(world.published()))
    expect(published.toSorted(), who).toEqual(kids().toSorted())
  for (const pod of world.pods) expect(pod.keys.map(({ kid }) => kid)).toEqual(kids())
  expect([...world.harm]).toEqual([])
}

describe('a rotation', () => {
  it('lets the next key sign, removes the former and publishes another next one', async () => {
    const [first, second] = kids()
    await run('job-1')
    expectRest()
    expect(kids()[0]).toBe(second)
    expect(kids()[1]).not.toBe(first)
    // Places are kept: the new key stands where the former one stood.
    for (const published of Object.values(world.published())) expect(published).toEqual(kids().toReversed())
  })

  it('leaves other secrets beside the keys alone', async () => {
    const before = world.object('secrets/identity-files').data['cookie-keys.json']
    await run('job-1')
    expect(world.object('secrets/identity-files').data['cookie-keys.json']).toBe(before)
  })

  it('is done once for a Job, and again for the next', async () => {
    await run('job-1')
    const before = kids()
    await run('job-1')
    expect(kids()).toEqual(before)
    await run('job-2')
    expectRest()
    expect(kids()[0]).toBe(before[1])
  })

  it('publishes what was not: keys that somebody else has put there', async () => {
    for (const name of services)
      world.object(`requestauthentications/${name}`).spec.jwtRules[0].jwks = '{"keys":[]}'
    const second = kids()[1]
    await run('job-1')
    expect(kids()[0]).toBe(second)
    expect(world.published().directory!.toSorted()).toEqual(kids().toSorted())
  })

  it('refuses more keys than the edge has credentials', async () => {
    const secret = world.object('secrets/identity-files')
    const three = { keys: [...world.keys.keys, world.keys.keys[0]] }
    secret.data['signing-keys.json'] = Buffer.from(JSON.stringify(three)).toString('base64')
    await expect(run('job-1')).rejects.toThrow('keep the current and the next')
  })
})

describe('a Job that is killed', () => {
  it('goes on where it was, wherever that is', async () => {
    await run('dry')
    const { changes } = world
    expect(changes.length).toBeGreaterThan(8)
    await world.close()
    for (let change = 0; change < changes.length; change++)
      for (const when of ['before', 'after'] as const) {
        world = await World.start()
        const second = kids()[1]
        world.kill = { change, when }
        await expect(run('job-1'), `${when} ${changes[change]}`).rejects.toThrow(Killed)
        world.kill = undefined
        // Once a pod of the same Job, once another Job, when the first is taken for dead.
        if (change % 2 === 0) await run('job-1')
        else {
          world.now += 200_000
          await run('job-2')
        }
        const ended = when === 'after' && change === changes.length - 1
        expectRest()
        if (!ended) expect(kids()[0], `${when} ${changes[change]}`).toBe(second)
        await world.close()
      }
  }, 120_000)
})

describe('two rotations at once', () => {
  it('are one: the second is refused while the first is alive', async () => {
    const outcomes = await Promise.allSettled([run('job-1'), run('job-2')])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')!
    expect(String(failed.reason)).toMatch(/Somebody else has changed|is rotating the keys/)
    expectRest()
  })

  it('do not overtake each other: who was taken for dead changes nothing more', async () => {
    world.kill = { change: 2, when: 'after' }
    await expect(run('job-1')).rejects.toThrow(Killed)
    world.kill = undefined
    await expect(run('job-2')).rejects.toThrow('Job job-1 is rotating the keys (publishing): wait')
    world.now += 200_000
    await run('job-2')
    expectRest()
  })
})

describe('a key that is not taken', () => {
  it('never signs, stays published, and can be tried again', async () => {
    for (const name of services)
      world.object(`requestauthentications/${name}`).spec.jwtRules[0].jwks = '{"keys":[]}'
    const stuck = world.io()
    await stuck.sleep(1)
    world.propagates = false
    world.harm.clear()
    const before = kids()
    await expect(run('job-1')).rejects.toThrow(/directory answers 401.*No token was signed with it/)
    expect(kids()).toEqual(before)
    expect(world.phase).toBe('publishing')
    const published = JSON.parse(world.object('requestauthentications/directory').spec.jwtRules[0].jwks)
    expect(published.keys.map(({ kid }: { kid: string }) => kid)).toEqual(before)

    world.propagates = true
    await stuck.sleep(1)
    world.harm.clear()
    await run('job-1')
    expectRest()
    expect(kids()[0]).toBe(before[1])
  })

  it('is noticed where a proxy asks for no token: what says yes to any key proves nothing', async () => {
    const io = world.io()
    const open = { ...io, mesh: async () => ({ status: 403, body: 'RBAC: access denied' }) }
    await expect(rotate(world.config('job-1'), open)).rejects.toThrow('to a key that is not ours')
  })
})
