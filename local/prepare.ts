/**
 * Creates roles and databases and migrates them. Reads a `Preparation` from standard input and answers with the
 * connections of each service.
 */
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { migrate } from '#kit/migrate.ts'
import { provision, type Roles } from '#kit/provision.ts'

export type Preparation = {
  superuserUrl: string
  services: { name: string; migrations: string; worker: boolean; passwords: Roles }[]
}

export type Connections = Record<string, Roles>

async function prepare({ superuserUrl, services }: Preparation): Promise<Connections> {
  const entries = services.map(async ({ name, migrations, worker, passwords }) => {
    const urls = await provision({ superuserUrl, service: name, passwords })
    await migrate({
      service: name,
      migrations: pathToFileURL(`${migrations}/`),
      ownerUrl: urls.owner,
      ...(worker && { workerUrl: urls.worker }),
    })
    return [name, urls] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

try {
  const connections = await prepare(JSON.parse(await text(process.stdin)) as Preparation)
  process.stdout.write(JSON.stringify(connections))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
