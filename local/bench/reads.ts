import { type Comparison, compare } from './compare.ts'
import { connections, once, type Request } from './load.ts'
import { record } from './record.ts'
import type { Script } from './script.ts'
import type { Company, World } from './world.ts'

/** Reads of things through services, the last of which asks the database, beside its statements for a hundred of them. */
export async function compareReads<T>(
  world: World,
  { tenant }: Company,
  services: readonly ('workforce' | 'directory' | 'leave')[],
  things: readonly T[],
  read: (thing: T) => Request,
): Promise<Comparison> {
  const address = world.addresses[services[0]!]
  await once(address, read(things[0]!))
  const statements = await record(world, tenant, async () => {
    for (const thing of things.slice(0, 100)) await once(address, read(thing))
  })
  let turn = 0
  return compare({
    address,
    servers: services.map((name) => world.pids[name]),
    postgres: world.pids.postgres,
    next: () => read(things[turn++ % things.length]!),
    setup: {
      url: world.appUrlOf(services.at(-1)!),
      scripts: Array<Script>(connections).fill({ statements, requests: Math.min(100, things.length) }),
    },
  })
}
