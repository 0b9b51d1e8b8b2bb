import { createHash } from 'node:crypto'
import type { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import { labelsOf } from './labels.ts'
import { restrictedPod } from './restricted.ts'
import { rollingUpdate } from './rolling-update.ts'
import { spread } from './spread.ts'

export interface Workload {
  replicas: number
  /** What it reads at its start. */
  configuration?: string
  container: k8s.Container
  volumes: k8s.Volume[]
  annotations?: Readonly<Record<string, string>>
}

/** A Deployment without storage, with its Service, its identity and its disruption budget, all of one name. */
export function workload(
  chart: Chart,
  name: string,
  ports: k8s.ServicePort[],
  { replicas, configuration, container, volumes, annotations = {} }: Workload,
): void {
  const labels = labelsOf(name)
  const selector = { 'app.kubernetes.io/name': name }
  new k8s.KubeServiceAccount(chart, `${name}-account`, {
    metadata: { name },
    automountServiceAccountToken: false,
  })
  new k8s.KubeService(chart, `${name}-service`, { metadata: { name, labels }, spec: { selector, ports } })
  new k8s.KubeDeployment(chart, name, {
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: selector },
      strategy: rollingUpdate,
      template: {
        metadata: { labels, annotations: { ...configurationOf(configuration), ...annotations } },
        spec: {
          ...restrictedPod,
          serviceAccountName: name,
          topologySpreadConstraints: spread(name),
          containers: [container],
          volumes,
        },
      },
    },
  })
  new k8s.KubePodDisruptionBudget(chart, `${name}-disruption-budget`, {
    metadata: { name },
    spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector: { matchLabels: selector } },
  })
}

/** Another configuration is another pod, so that all replicas have it when the rollout ends. */
const configurationOf = (text: string | undefined): Record<string, string> =>
  text === undefined
    ? {}
    : { 'staffmesh.dev/configuration': createHash('sha256').update(text).digest('hex').slice(0, 8) }
