import { audiences } from '#kit/caller.ts'
import type { Access } from '#kit/contract.ts'
import { callersOf, type Edge, type Graph } from './graph.ts'
import { principalOf, type Resource, resource, selects } from './resource.ts'

/** One ALLOW rule: this identity may use these operations, with this kind of token. */
interface Rule {
  caller: string
  access: Access | 'public'
  edges: Edge[]
}

/** Intent: for each callee, which caller may use which operations on whose authority. */
export function rulesFor(graph: Graph, callee: string): Rule[] {
  return callersOf(graph, callee).flatMap(([caller, edges]) =>
    (['user', 'job', 'service', 'public'] as const)
      .map((access) => ({
        caller,
        access,
        edges: edges.filter((e) =>
          access === 'public' ? e.access.length === 0 : accessesFor(e).includes(access),
        ),
      }))
      .filter((rule) => rule.edges.length > 0),
  )
}

/** What comes from outside comes with a user's token: the edge carries no job token in. */
const accessesFor = (e: Edge): readonly Access[] =>
  e.caller === 'edge' ? e.access.filter((a) => a === 'user') : e.access

/**
 * One AuthorizationPolicy a callee whose rules are exactly the declared (caller identity, operation) pairs.
 * https://istio.io/latest/docs/reference/config/security/authorization-policy/
 */
export function authorization(graph: Graph, issuer: string): Resource[] {
  return graph.services
    .map((service) => ({ service, rules: rulesFor(graph, service.name) }))
    .filter(({ rules }) => rules.length > 0)
    .map(({ service, rules }) =>
      resource(
        'security.istio.io/v1',
        'AuthorizationPolicy',
        service.name,
        `services/*/service.ts declare these calls of ${service.name}; services/${service.name}/contract.ts their paths`,
        {
          selector: selects(service.name),
          action: 'ALLOW',
          rules: rules.map((rule) => render(rule, issuer)),
        },
      ),
    )
}

function render(rule: Rule, issuer: string) {
  return {
    from: [{ source: { principals: [principalOf(rule.caller)], ...tokenOf(rule.access, issuer) } }],
    to: operationsOf(rule.edges),
    ...audienceOf(rule.access),
  }
}

/** A valid token of our issuer, whoever its subject: requestPrincipals are `<iss>/<sub>`. */
const tokenOf = (access: Rule['access'], issuer: string) =>
  access === 'user' || access === 'job' ? { requestPrincipals: [`${issuer}/*`] } : {}

/** A user's token and a job's differ in their audience. */
const audienceOf = (access: Rule['access']) =>
  access === 'user' || access === 'job'
    ? { when: [{ key: 'request.auth.audiences', values: [audiences[access]] }] }
    : {}

/** Paths of one method stand together; `{name}` matches one segment. */
function operationsOf(edges: Edge[]) {
  return [...new Set(edges.map((e) => e.method))].sort().map((method) => ({
    operation: {
      methods: [method],
      paths: edges
        .filter((e) => e.method === method)
        .map((e) => e.path.replaceAll(/\{\w+\}/g, '{*}'))
        .sort(),
    },
  }))
}
