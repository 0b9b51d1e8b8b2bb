import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { type Roles, rolesOf } from '#kit/provision.ts'
import { databasesOf } from '../../cdk8s/environments.ts'
import { databaseSecret } from '../../charts/connections.ts'
import { instancesOf } from '../../mesh/databases.ts'
import { graphOf } from '../../mesh/graph.ts'
import { postgresPort } from '../../mesh/network.ts'
import { namespaces } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { environment } from './harness/edge.ts'
import { forward, kubectl } from './harness/kubernetes.ts'

const kinds = ['app', 'owner', 'worker'] as const satisfies (keyof Roles)[]

/** Past the mesh, so that it is PostgreSQL that decides. */
const instances = [...instancesOf(graphOf(services), databasesOf(environment))].filter(
  ([instance]) => environment.instances[instance]!.image,
)

describe.each(instances)('1. the database instance %s, whoever reaches it', (instance, owners) => {
  /** `connected`, or the SQLSTATE of the refusal. */
  async function connect(user: string, password: string, database: string): Promise<string> {
    // One each: it ends with a connection that the other side has closed.
    const tunnel = await forward({ name: `${instance}-0`, namespace: namespaces.databases }, postgresPort)
    const client = new pg.Client({ host: '127.0.0.1', port: tunnel.port, user, password, database })
    try {
      await client.connect()
      return 'connected'
    } catch (error) {
      return (error as { code?: string }).code ?? String(error)
    } finally {
      await client.end().catch(() => {})
      tunnel.close()
    }
  }

  it.each(owners)(
    'the roles of %s connect to its database, and to that of no other service',
    async (service) => {
      const { data } = JSON.parse(
        await kubectl([
          ...['get', 'secret', databaseSecret(service), '--namespace', namespaces.services],
          ...['--output', 'json'],
        ]),
      ) as { data: Record<(typeof kinds)[number], string> }
      const refused = '42501' // insufficient_privilege
      for (const kind of kinds) {
        const password = Buffer.from(data[kind], 'base64').toString()
        const said: Record<string, string> = {}
        for (const database of owners)
          said[database] = await connect(rolesOf(service)[kind], password, database)
        expect(said, kind).toEqual(
          Object.fromEntries(owners.map((each) => [each, each === service ? 'connected' : refused])),
        )
      }
    },
  )

  it('no role gets in with another password', async () => {
    for (const service of owners)
      for (const kind of kinds) expect(await connect(rolesOf(service)[kind], 'guess', service)).toBe('28P01')
  })
})
