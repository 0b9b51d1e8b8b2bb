import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Environment, environmentOf } from '../cdk8s/environments.ts'
import { contextName as bare } from '../cluster/node/addresses.ts'
import { folders } from '../cluster/node/folders.ts'
import type { Kubectl } from '../cluster/platform/secrets.ts'
import { Refusal, run } from '../cluster/shell.ts'

/** The clusters that Tilt may have, by their kubeconfig's context, and what each is called in cdk8s/environments.ts. */
export const targets = { 'kind-staffmesh': 'kind', [bare]: 'bare' } as const

export interface Target {
  environment: Environment
  kubectl: Kubectl
  /** The program, and what names the cluster. */
  command: readonly [string, ...string[]]
  /** What Tilt takes: manifests and values. */
  manifests: string
  /** What is kept of this cluster: accounts of the demo company. */
  data: string
}

/** The cluster that `--context` names, as Tilt gives it to every program that it starts. */
export function target(): Target {
  const { values } = parseArgs({ options: { context: { type: 'string' } } })
  const context = values.context ?? ''
  const name = (targets as Record<string, string>)[context]
  if (!name) throw new Refusal(`Give --context ${Object.keys(targets).join('|')}`)
  const program = name === 'bare' ? folders().kubectl : 'kubectl'
  const kubeconfig = name === 'bare' ? ['--kubeconfig', folders().kubeconfig] : []
  const command = [program, ...kubeconfig, '--context', context] as const
  return {
    environment: environmentOf(name),
    kubectl: (args, input) => run(program, [...command.slice(1), ...args], { input }),
    command,
    manifests: join('dist', 'tilt', name),
    data: join('.local', 'tilt', name),
  }
}
