/**
 * The arrows of the architecture: what may import what. `local/layers.test.ts` proves that each rule bites.
 * Which services are data services comes from their declarations, so a new service needs no rule.
 */
import type { IConfiguration, IForbiddenRuleType } from 'dependency-cruiser'
import { services } from './services/index.ts'

const data = services.filter((service) => service.layer === 'data').map((service) => service.name)
const dataService = `services/(${data.join('|')})`
const tests = '[.]test[.]ts$|/testing[.]ts$|/(fixtures|suite|matrix)/|/test-[^/]*[.]ts$'
const zod = '(^|/)node_modules/zod/'

const forbidden: IForbiddenRuleType[] = [
  {
    name: 'no-cycles',
    comment: 'Modules that import each other can only be understood together',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'resolvable',
    comment: 'An import that leads nowhere fails at the start or, worse, later',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'no-development-package',
    comment: 'What runs is installed without devDependencies',
    from: { path: '^services/', pathNot: tests },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'tests-stay-out',
    comment: 'Test helpers do not belong into what runs',
    from: { path: '^services/', pathNot: tests },
    to: { path: tests, pathNot: 'node_modules' },
  },
  {
    name: 'kit-knows-no-service',
    comment: 'The kit is below all services',
    from: { path: '^services/kit/' },
    to: { path: '^(services|local)/', pathNot: '^services/kit/' },
  },
  {
    name: 'data-service-stands-alone',
    comment: 'A data service calls nobody, so it needs the kit and its own folder, in its tests too',
    from: { path: `^${dataService}/` },
    to: { path: '^(services|local)/', pathNot: '^services/(kit|$1)/' },
  },
  {
    name: 'only-contracts-of-others',
    comment: 'Another service is known by its contract, and only a data service is callable',
    from: { path: '^services/([^/]+)/', pathNot: `^services/(kit|edge)/|${tests}` },
    to: { path: '^(services|local)/', pathNot: `^services/(kit|$1)/|^${dataService}/contract[.]ts$` },
  },
  {
    name: 'only-declarations-of-services',
    comment:
      'The edge, the index, the local run and the deployment are derived from what services declare; tools may log in as tests do',
    from: {
      path: '^(local|mesh|charts|cdk8s|observability)/|^services/edge/|^services/[^/]+[.]ts$',
      pathNot: tests,
    },
    to: {
      path: '^services/',
      pathNot:
        '^services/(kit|edge)/|^services/index[.]ts$|^services/[^/]+/(contract[.]ts|service[.]ts|fixtures/)',
    },
  },
  {
    name: 'services-know-no-deployment',
    comment: 'Policy and manifests read the services, never the other way round',
    from: { path: '^(services|local)/' },
    to: { path: '^(mesh|charts|cdk8s|observability)/' },
  },
  {
    name: 'declarations-only-declare',
    comment: 'contract.ts and service.ts are read by callers, edge and mesh: they carry no implementation',
    from: { path: '^services/([^/]+)/(contract|service)[.]ts$', pathNot: '^services/kit/' },
    to: { pathNot: `^services/kit/|^services/$1/contract/|^services/[^/]+/contract[.]ts$|${zod}` },
  },
  {
    name: 'domain-does-no-io',
    comment: 'Rules are data in, data out: no database, no HTTP, no file, no clock but the argument',
    from: { path: '^services/([^/]+)/domain/', pathNot: tests },
    to: {
      pathNot: `^services/$1/(domain/|contract/|contract[.]ts$)|^services/kit/(contract|problem|schemas)[.]ts$|${zod}`,
    },
  },
]

export default {
  forbidden: forbidden.map((rule) => ({ ...rule, severity: 'error' as const })),
  options: {
    // The native TypeScript compiler has no API that dependency-cruiser could parse with.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
} satisfies IConfiguration
