import type { App, Chart } from 'cdk8s'
import type { Service } from '#kit/service.ts'
import { KeyRotationChart } from '../charts/keys.ts'
import { MeshChart } from '../charts/mesh.ts'
import { tlsSecretOf } from '../mesh/edge/certificate.ts'
import { kongPorts } from '../mesh/edge/kong-network.ts'
import { credentialNames } from '../mesh/edge/token.ts'
import { edge, type Graph, graphOf } from '../mesh/graph.ts'
import { type EdgeAddress, keyRotationPolicies } from '../mesh/key-rotation.ts'
import { servicePort } from '../mesh/resource.ts'
import { canaryOf, type Environment, publicUrlOf } from './environments.ts'

/** What rotates the signing keys; nothing where no service signs. */
export function keyCharts(app: App, services: readonly Service[], environment: Environment): Chart[] {
  const signer = services.find(({ secrets }) => 'signing-keys.json' in secrets)
  if (!signer) return []
  const graph = graphOf(services)
  const address = addressOf(environment)
  const { tls } = environment
  return [
    new MeshChart(app, '10-mesh-key-rotation', keyRotationPolicies(graph, address)),
    new KeyRotationChart(app, '25-key-rotation', {
      environment,
      signer,
      deployments: [signer.name, ...(canaryOf(environment, signer.name) ? [`${signer.name}-canary`] : [])],
      services,
      edge: {
        ...address,
        path: guardedPath(graph),
        ...(address.https && tls ? { certificate: tlsSecretOf(tls) } : {}),
        credentials: environment.edge === 'kong' ? credentialNames : [],
      },
    }),
  ]
}

/** The names that the stand-in's chart and Kong's own give their Services. */
function addressOf(environment: Environment): EdgeAddress {
  const https = publicUrlOf(environment).startsWith('https:')
  const host = environment.domain
  return environment.edge === 'kong'
    ? { service: 'kong-gateway-proxy', ports: [https ? kongPorts.https : kongPorts.http], host, https }
    : { service: edge, ports: [servicePort], host, https }
}

/** A path that demands a user's token, and where nothing is to be had without roles. */
function guardedPath(graph: Graph): string {
  const found = graph.edges.find(
    ({ caller, method, kind, access }) =>
      caller === edge && method === 'GET' && kind === 'query' && access.includes('user'),
  )
  if (!found)
    throw new Error('No operation of an application service is a GET for users: the key rotation asks one')
  return found.path.replaceAll(/\{\w+\}/g, '0')
}
