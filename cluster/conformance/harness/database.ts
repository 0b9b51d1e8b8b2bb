import pg from 'pg'
import { instanceOf } from '../../../cdk8s/environments.ts'
import { superuserSecret } from '../../../charts/connections.ts'
import { namespaces } from '../../../mesh/resource.ts'
import { environment } from './edge.ts'
import { forward, read } from './kubernetes.ts'

/** A superuser's connection to a service's database, past mesh and row-level security: to see what is there. */
export async function openDatabase(service: string): Promise<{ client: pg.Client; close(): Promise<void> }> {
  const instance = instanceOf(environment, service)
  const { data } = await read('secrets', namespaces.databases, superuserSecret(instance))
  const password = Buffer.from(data!.password!, 'base64').toString()
  const tunnel = await forward({ name: `${instance}-0`, namespace: namespaces.databases }, 5432)
  const client = new pg.Client({
    host: '127.0.0.1',
    port: tunnel.port,
    user: 'postgres',
    password,
    database: service,
  })
  await client.connect()
  return {
    client,
    async close() {
      await client.end()
      tunnel.close()
    },
  }
}
