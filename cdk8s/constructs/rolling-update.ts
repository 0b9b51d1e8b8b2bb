import { k8s } from 'cdk8s-plus-34'

/** A new pod is ready before an old one goes, so that a rollout takes nothing away. */
export const rollingUpdate = {
  type: 'RollingUpdate',
  rollingUpdate: { maxUnavailable: k8s.IntOrString.fromNumber(0), maxSurge: k8s.IntOrString.fromNumber(1) },
} satisfies k8s.DeploymentStrategy
