import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { rolesOf } from '#kit/provision.ts'
import { inService, planOf, portsNeeded } from '../local/plan.ts'
import { freePorts } from '../local/ports.ts'
import { forgetful, type Postgres, startPostgres } from '../local/postgres.ts'
import type { Connections } from '../local/prepare.ts'
import { keptSecrets } from '../local/secrets.ts'
import { createSupervisor } from '../local/supervisor.ts'
import packageJson from '../package.json' with { type: 'json' }
import { services } from '../services/index.ts'
import { bundle, bundles } from './bundle.ts'

/** Runs everything from bundles, as `npm start` runs it from sources. */
describe('bundles, away from the checkout', () => {
  // What a bundle lacks is not found in a node_modules further up, as it would be inside the checkout.
  let folder: string
  let postgres: Postgres
  const collected = new Set<string>()
  const collector = createServer((request, response) => {
    collected.add(request.url!)
    request.resume().on('end', () => response.end())
  })
  const node = (args: string[], env: Record<string, string>) =>
    promisify(execFile)(process.execPath, args, { env })
  const main = (name: string) => join(folder, name, 'main.js')

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'staffmesh-bundle-'))
    // PostgreSQL may run as another account.
    await chmod(folder, 0o711)
    postgres = await startPostgres({ dataDir: join(folder, 'data'), settings: forgetful, ephemeral: true })
    await once(collector.listen(0, '127.0.0.1'), 'listening')
    for (const name of bundles()) await bundle(name, join(folder, name))
  }, 120_000)
  afterAll(async () => {
    collector.close()
    await postgres?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('provision, migrate and run the whole system', async () => {
    const databases = services.filter(({ database }) => database).map(({ name }) => name)
    const secrets = await keptSecrets(folder, databases)
    const connections: Connections = {}
    for (const name of databases) {
      const { app, owner, worker } = rolesOf(name)
      const passwords = secrets.databases[name]!
      const as = (username: string, password: string) =>
        Object.assign(new URL(postgres.superuserUrl), { username, password, pathname: `/${name}` }).href
      const urls = {
        app: as(app, passwords.app),
        owner: as(owner, passwords.owner),
        worker: as(worker, passwords.worker),
      }
      connections[name] = urls
      for (const mode of ['provision', 'migrate'])
        await node([main(name), mode], {
          SUPERUSER_URL: postgres.superuserUrl,
          DATABASE_URL: urls.app,
          DATABASE_OWNER_URL: urls.owner,
          QUEUE_DATABASE_URL: urls.worker,
        })
    }

    const [port, ...ports] = await freePorts(1 + portsNeeded(services))
    const { port: collecting } = collector.address() as AddressInfo
    const plan = planOf({
      services,
      port: port!,
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collecting}`,
        OTEL_BLRP_SCHEDULE_DELAY: '100',
      },
      connections,
      secrets,
      ports,
    })
    const supervisor = createSupervisor({ logDir: join(folder, 'logs'), grace: 1000 })
    try {
      // Ready means that its migrations are readable and applied, and that its parts are loaded.
      for (const { args, ...spec } of plan.processes) {
        const bundled = args.map((argument) => argument.replace(inService('', ''), folder + sep))
        await supervisor.start({
          ...spec,
          args: bundled.map((argument) => argument.replace(/main[.]ts$/, 'main.js')),
        })
      }

      const { stdout: link } = await node(
        [join(folder, 'identity', 'first-operator.js'), '--email', 'ada@example.com', '--name', 'Ada'],
        { DATABASE_URL: connections.identity!.app, PUBLIC_URL: plan.url },
      )
      expect(new URL(link).origin).toBe(plan.url)
      const page = await (await fetch(`${plan.url}/docs`)).text()
      for (const [, path] of page.matchAll(/(?:src|href)="([^"]+)"/g))
        expect((await fetch(plan.url + path)).status, path).toBe(200)
      await vi.waitFor(() => expect(collected).toContain('/v1/logs'), 10_000)
    } finally {
      supervisor.kill()
    }
  }, 120_000)

  it('name the source in stack traces', async () => {
    const failed = node(['--enable-source-maps', main('directory'), 'provision'], {})
    await expect(failed).rejects.toMatchObject({
      stdout: expect.stringMatching(/services\/kit\/config\.ts:\d+/),
    })
  })
})

describe('a bill of materials', () => {
  interface Bill {
    metadata: { component: { name: string } }
    components: { name: string; version: string; hashes?: unknown[] }[]
  }
  let folder: string
  let bill: Bill
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'staffmesh-bundle-'))
    await bundle('edge', folder)
    bill = JSON.parse(await readFile(join(folder, 'bom.json'), 'utf8'))
  }, 60_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('names each package that source maps name, and no other that is installed', async () => {
    const names = await readdir(folder)
    const maps = names.filter((name) => name.endsWith('.map'))
    const sources = await Promise.all(
      maps.map(async (map) => JSON.parse(await readFile(join(folder, map), 'utf8')).sources as string[]),
    )
    // `.build-data` and the like are folders of who built the package.
    const expected = sources
      .flat()
      .flatMap((source) => source.match(/.*node_modules\/((?:@[^/]+\/[^/.]|[^/@.])[^/]*)/)?.[1] ?? [])
    // Read at run time: neither is code that was bundled.
    expected.push('swagger-ui-dist', process.execPath.match(/node_modules\/([^/]+)/)![1]!)
    expect(bill.metadata.component.name).toBe('edge')
    expect(new Set(bill.components.map(({ name }) => name))).toEqual(new Set(expected))
  })

  it('has the version that is installed, and its hash', () => {
    const hono = bill.components.find(({ name }) => name === 'hono')
    expect(hono).toMatchObject({ version: packageJson.dependencies.hono, hashes: [expect.anything()] })
  })
})

it('refuses a name that is no service, and says which there are', async () => {
  await expect(bundle('payrol', join(tmpdir(), 'nowhere'))).rejects.toThrow(
    /no services\/payrol\/main\.ts. There are: .*directory/,
  )
})
