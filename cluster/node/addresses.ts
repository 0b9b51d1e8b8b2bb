/** The node's own network; chosen where hardly anybody has one, and refused where somebody does (network.ts). */
export const addresses = {
  /** This machine's end of the cable to the node, and the world outside for the cluster. */
  host: '10.231.0.1',
  node: '10.231.0.2',
  prefix: 30,
  pods: '10.232.0.0/16',
  services: '10.233.0.0/16',
  kubernetes: '10.233.0.1',
  dns: '10.233.0.10',
} as const

export const nodeName = 'staffmesh'
export const interfaceName = 'staffmesh0'
/** In kubeconfigs; the Tiltfile knows the cluster by it. */
export const contextName = 'bare-staffmesh'
export const clusterDomain = 'cluster.local'

export const ports = { registry: 5001, kubernetes: 6443 } as const

/** Images by the name that the node knows; this machine reaches the same registry by the node's address. */
export const registry = {
  onNode: `localhost:${ports.registry}`,
  fromHost: `${addresses.node}:${ports.registry}`,
}
