import pg from 'pg'
import { instanceOf } from '../cdk8s/environments.ts'
import { superuserSecret } from '../charts/connections.ts'
import { command } from '../cluster/command.ts'
import { forwardPort } from '../cluster/forward.ts'
import { forgetOperator } from '../cluster/platform/operator.ts'
import { need, run, until } from '../cluster/shell.ts'
import { migrationAccount, provisioningAccount } from '../mesh/databases.ts'
import { postgresPort } from '../mesh/network.ts'
import { namespaces } from '../mesh/resource.ts'
import { services } from '../services/index.ts'
import { target } from './target.ts'

const { environment, kubectl, command: program } = target()
const kept = services.filter(({ database }) => database).map(({ name }) => name)

/** Drops all databases, and has Tilt make and migrate them again. */
await command(async () => {
  await need(['tilt'])
  for (const instance of new Set(kept.map((name) => instanceOf(environment, name))))
    await drop(
      instance,
      kept.filter((name) => instanceOf(environment, name) === instance),
    )
  await forgetOperator(kubectl)
  await runAgain(namespaces.databases, kept.map(provisioningAccount))
  await runAgain(namespaces.services, kept.map(migrationAccount))
  process.stdout.write('All databases are new and empty\n')
})

async function drop(instance: string, databases: readonly string[]): Promise<void> {
  const secret = ['get', 'secret', superuserSecret(instance), '--namespace', namespaces.databases]
  const password = Buffer.from(
    await kubectl([...secret, '--output', 'jsonpath={.data.password}']),
    'base64',
  ).toString()
  const pod = { namespace: namespaces.databases, name: `statefulset/${instance}` }
  const tunnel = await forwardPort(program, pod, postgresPort)
  const client = new pg.Client({ host: '127.0.0.1', port: tunnel.port, user: 'postgres', password })
  try {
    await client.connect()
    for (const name of databases)
      await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`)
    await client.end()
  } finally {
    tunnel.close()
  }
}

/** Jobs run once; Tilt replaces one that is triggered by another of the same name. */
async function runAgain(namespace: string, names: readonly string[]): Promise<void> {
  const jobs = async () => {
    const { items } = JSON.parse(await kubectl(['get', 'jobs', '--namespace', namespace, '--output', 'json']))
    return items as {
      metadata: { uid: string; labels: Record<string, string> }
      status: { succeeded?: number }
    }[]
  }
  const before = new Set((await jobs()).map(({ metadata }) => metadata.uid))
  for (const name of names) await run('tilt', ['trigger', name])
  await until(
    `${names.join(', ')} are done`,
    async () => {
      const done = (await jobs())
        .filter(({ metadata, status }) => !before.has(metadata.uid) && status.succeeded)
        .map(({ metadata }) => metadata.labels['app.kubernetes.io/name'])
      const waiting = names.filter((name) => !done.includes(name))
      if (waiting.length > 0) throw new Error(`Not yet: ${waiting.join(', ')}`)
    },
    { seconds: 180 },
  )
}
