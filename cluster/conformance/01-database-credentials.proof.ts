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
import { openDatabase } from './harness/database.ts'
import { environment } from './harness/edge.ts'
import { forward, read } from './harness/kubernetes.ts'

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

  it('grants CONNECT on a database to the roles of its service, and to those of no other', async () => {
    const { client, close } = await openDatabase(owners[0]!)
    const roles = owners.flatMap((service) => kinds.map((kind) => rolesOf(service)[kind]))
    const { rows } = await client.query<{ grant: string }>(
      `select role || ' at ' || database as grant from unnest($1::text[]) role, unnest($2::text[]) database
       where has_database_privilege(role, database, 'CONNECT')`,
      [roles, owners],
    )
    await close()
    const own = owners.flatMap((service) => kinds.map((kind) => `${rolesOf(service)[kind]} at ${service}`))
    expect(rows.map(({ grant }) => grant).toSorted()).toEqual(own.toSorted())
  })

  it.each(owners)('lets the roles of %s into its database, and refuses them at another', async (service) => {
    const { data } = await read('secrets', namespaces.services, databaseSecret(service))
    const others = owners.filter((each) => each !== service)
    for (const [index, kind] of kinds.entries()) {
      const password = Buffer.from(data![kind]!, 'base64').toString()
      const role = rolesOf(service)[kind]
      expect(await connect(role, password, service), role).toBe('connected')
      const other = others[index % others.length]
      // insufficient_privilege
      if (other) expect(await connect(role, password, other), `${role} at ${other}`).toBe('42501')
    }
    // invalid_password
    expect(await connect(rolesOf(service).app, 'guess', service)).toBe('28P01')
  })
})
