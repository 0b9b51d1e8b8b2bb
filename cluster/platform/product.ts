import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Service } from '#kit/service.ts'
import type { Environment } from '../../cdk8s/environments.ts'
import { namespaces } from '../../mesh/resource.ts'
import { contextName } from '../node/addresses.ts'
import { Refusal, run } from '../shell.ts'
import { type Kubectl, makeSecrets, publicSigningKeys } from './secrets.ts'

/** Who brings the product into a cluster: objects of the one would stay, half changed, under the other's. */
export const installers = {
  'cluster:up': { removal: `npm run tilt:clear -- --context ${contextName}` },
  tilt: { removal: 'tilt down' },
} as const

const mark = 'staffmesh.dev/installed-by'

export interface Rendering {
  /** Where the manifests are written to. */
  folder: string
  by: keyof typeof installers
  /** More of what `npm run synth` takes. */
  flags?: readonly string[]
}

/**
 * Makes the namespaces, and the Secrets where they are missing; then renders the manifests with this cluster's keys.
 *
 * @throws Refusal that tells the remedy, where the product was brought by somebody else
 */
export async function renderProduct(
  kubectl: Kubectl,
  services: readonly Service[],
  environment: Environment,
  { folder, by, flags = [] }: Rendering,
): Promise<void> {
  await refuseOthers(kubectl, by)
  const keys = `${folder}-public-keys.json`
  const synth = (...more: string[]) =>
    run(process.execPath, ['cdk8s/synth.ts', '--env', environment.name, '--out', folder, ...flags, ...more], {
      cwd: join(import.meta.dirname, '..', '..'),
    })
  await synth()
  await kubectl([
    ...['apply', '--server-side', '--force-conflicts', '--filename'],
    join(folder, '00-namespaces.yaml'),
  ])
  await kubectl(['annotate', '--overwrite', 'namespace', namespaces.services, `${mark}=${by}`])
  await makeSecrets(kubectl, services, environment)
  await writeFile(keys, await publicSigningKeys(kubectl, services))
  await synth('--jwks', keys)
}

async function refuseOthers(kubectl: Kubectl, by: keyof typeof installers): Promise<void> {
  const found = await kubectl([
    ...['get', 'namespace', namespaces.services, '--ignore-not-found', '--output'],
    `jsonpath={.metadata.name} {.metadata.annotations['${mark.replaceAll('.', '\\.')}']}`,
  ])
  if (!found) return
  const other = (found.split(' ')[1] || 'cluster:up') as keyof typeof installers
  if (other !== by)
    throw new Refusal(
      `${other} has brought Staffmesh into this cluster. First remove it, with its data: ${installers[other].removal}`,
    )
}
