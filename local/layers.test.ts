import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import config from '../layers.config.ts'

/** File → what it imports, and the rule that refuses it; null where it is allowed. */
const imports: [file: string, specifier: string, rule: string | null][] = [
  ['services/identity/domain/a.ts', './b.ts', null],
  ['services/identity/domain/b.ts', 'zod', null],
  ['services/identity/domain/b.ts', '../../kit/problem.ts', null],
  ['services/identity/domain/pg.ts', 'pg', 'domain-does-no-io'],
  ['services/identity/domain/fs.ts', 'node:fs', 'domain-does-no-io'],
  ['services/identity/domain/hono.ts', 'hono', 'domain-does-no-io'],
  ['services/identity/domain/drizzle.ts', 'drizzle-orm', 'domain-does-no-io'],
  ['services/identity/domain/store.ts', '../store.ts', 'domain-does-no-io'],
  ['services/identity/domain/database.ts', '../../kit/database.ts', 'domain-does-no-io'],
  ['services/identity/store.ts', './domain/a.ts', null],
  ['services/identity/store.ts', '../kit/database.ts', null],
  ['services/identity/store.ts', 'pg', null],
  ['services/identity/app.ts', '../directory/contract.ts', 'data-service-stands-alone'],
  ['services/identity/app.test.ts', '../directory/store.ts', 'data-service-stands-alone'],
  ['services/identity/jobs.ts', '../workforce/contract.ts', 'data-service-stands-alone'],
  ['services/identity/testing.ts', 'vitest', null],
  ['services/identity/main.ts', 'vitest', 'no-development-package'],
  ['services/identity/worker.ts', './testing.ts', 'tests-stay-out'],
  ['services/identity/nowhere.ts', './missing.ts', 'resolvable'],
  ['services/identity/contract.ts', 'pg', 'declarations-only-declare'],
  ['services/identity/service.ts', './store.ts', 'declarations-only-declare'],
  ['services/directory/contract.ts', '../kit/contract.ts', null],
  ['services/directory/store.ts', './one.ts', null],
  ['services/directory/one.ts', './two.ts', 'no-cycles'],
  ['services/directory/two.ts', './one.ts', 'no-cycles'],
  ['services/workforce/app.ts', '../directory/contract.ts', null],
  ['services/workforce/app.test.ts', '../directory/store.ts', null],
  ['services/workforce/people.ts', '../directory/store.ts', 'only-contracts-of-others'],
  ['services/workforce/tree.ts', '../directory/domain/tree.ts', 'only-contracts-of-others'],
  ['services/workforce/hire.ts', '../lifecycle/contract.ts', 'only-contracts-of-others'],
  ['services/workforce/start.ts', '../../local/start.ts', 'only-contracts-of-others'],
  ['services/workforce/service.ts', '../directory/contract.ts', null],
  ['services/kit/server.ts', '../identity/contract.ts', 'kit-knows-no-service'],
  ['services/edge/main.ts', '../workforce/contract.ts', null],
  ['services/edge/routes.ts', '../workforce/app.ts', 'only-declarations-of-services'],
  ['services/index.ts', './workforce/service.ts', null],
  ['services/list.ts', './workforce/app.ts', 'only-declarations-of-services'],
  ['local/start.ts', '../services/index.ts', null],
  ['local/seed.ts', '../services/directory/store.ts', 'only-declarations-of-services'],
  ['mesh/graph.ts', '../services/directory/service.ts', null],
  ['mesh/routes.ts', '../services/directory/app.ts', 'only-declarations-of-services'],
  ['services/directory/pods.ts', '../../mesh/graph.ts', 'services-know-no-deployment'],
]

let dir: string
let modules: ICruiseResult['modules']

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'staffmesh-layers-'))
  const root = join(import.meta.dirname, '..')
  await cp(join(root, 'package.json'), join(dir, 'package.json'))
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'))
  const files = new Map<string, string>()
  for (const [file, specifier] of imports) {
    // A type is knowledge too, so an import of nothing but a type is refused like any other.
    const kind = file.endsWith('/people.ts') ? 'import type { x }' : 'import * as x'
    files.set(file, `${files.get(file) ?? ''}${kind} from '${specifier}'\n`)
    const target = specifier.startsWith('.') && join(dirname(file), specifier)
    if (target && !target.endsWith('/missing.ts')) files.set(target, files.get(target) ?? '')
  }
  for (const [file, text] of files) {
    await mkdir(dirname(join(dir, file)), { recursive: true })
    await writeFile(join(dir, file), text)
  }
  const { forbidden, options } = config
  const { output } = await cruise(
    ['services', 'local', 'mesh'],
    { ...options, ruleSet: { forbidden }, validate: true, baseDir: dir } as ICruiseOptions,
    options.enhancedResolveOptions,
  )
  modules = (output as ICruiseResult).modules
})
afterAll(() => rm(dir, { recursive: true }))

test.each(imports)('%s imports %s: %s', (file, specifier, rule) => {
  const module = modules.find(({ source }) => source === file)
  const dependency = module?.dependencies.find((each) => (each.protocol ?? '') + each.module === specifier)
  const rules = dependency?.rules?.map((each) => each.name) ?? []
  expect(dependency).toBeDefined()
  expect(rules).toEqual(rule ? expect.arrayContaining([rule]) : [])
})

test('the rules are those that `npm run layers` runs', async () => {
  const { scripts } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'))
  expect(scripts.layers).toBe(
    'depcruise --config layers.config.ts services local mesh charts cdk8s observability bundle cluster tilt doctor',
  )
  const proven = new Set<string | null | undefined>(imports.map(([, , rule]) => rule))
  expect(config.forbidden.map((rule) => rule.name).filter((name) => !proven.has(name))).toEqual([])
})
