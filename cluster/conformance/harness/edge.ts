import { environmentOf, publicUrlOf } from '../../../cdk8s/environments.ts'
import { edge } from '../../../mesh/graph.ts'
import { namespaces } from '../../../mesh/resource.ts'
import { list } from './kubernetes.ts'

/** The environment whose manifests the cluster runs. */
export const environment = environmentOf(process.env.MESH_ENVIRONMENT ?? 'bare')

export const publicUrl = publicUrlOf(environment)

/** Where the edge is reached from here. */
export async function edgeAddress(): Promise<string> {
  // kind.yaml leads there from this machine.
  if (environment.kong?.nodePort) return '127.0.0.1'
  const services = await list('services', namespaces.edge)
  const found = services.find(({ metadata }) => metadata.name === edge)?.status.loadBalancer?.ingress?.[0]?.ip
  if (!found)
    throw new Error(`The edge's Service has no address: is the ${environment.name} environment installed?`)
  return found as string
}
