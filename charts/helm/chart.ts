import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Yaml } from 'cdk8s'
import type { Service } from '#kit/service.ts'
import { manifestsOf } from '../../cdk8s/app.ts'
import type { Environment } from '../../cdk8s/environments.ts'
import { helmValuesOf } from '../../cdk8s/helm-values.ts'
import { credentialNames } from '../../mesh/edge/token.ts'
import { checksOf, secretsOf } from './checks.ts'
import { Placeholders } from './placeholders.ts'
import { imagesOf, type Manifest, openName, type Shape, templatesOf } from './templates.ts'
import { descriptionOf, merged, schemaOf, type Tree, valuesOf } from './values.ts'

export const chartName = 'staffmesh'

/** The manifests of an environment with placeholders for what the Helm chart leaves open. */
export async function shapeOf(
  services: readonly Service[],
  environment: Environment,
  jwks: string,
  numbers: Map<string, number>,
): Promise<Shape> {
  const placeholders = new Placeholders(numbers)
  const manifests = await manifestsOf(
    placeholders.services(services, environment),
    placeholders.environment(environment),
    jwks,
  )
  const made = madeSecrets([...manifests.values()].flat() as Manifest[])
  const files = new Map(
    [...manifests].map(([file, objects]) => [
      file,
      placeholders.nameSecrets((objects as Manifest[]).map(openName), made),
    ]),
  )
  return { environment: environment.name, files, placeholders }
}

/** Those that the manifests bring or cert-manager makes, so nobody has to say what they are called. */
const madeSecrets = (manifests: readonly Manifest[]) => [
  ...credentialNames,
  ...manifests.flatMap(({ kind, spec }) =>
    kind === 'Certificate' && spec && 'secretName' in spec ? [String(spec.secretName)] : [],
  ),
]

/** A Helm chart of all environments, by file. Its own values are those of the last one, production. */
export async function helmChart(
  services: readonly Service[],
  environments: readonly Environment[],
  jwks: string,
  version: string,
): Promise<Map<string, string>> {
  const numbers = new Map<string, number>()
  const shapes: Shape[] = []
  for (const environment of environments) shapes.push(await shapeOf(services, environment, jwks, numbers))
  const values = shapes.map((shape, index) => valuesOf(shape, shapes, environments[index]!))
  const defaults = values.reduce(merged)
  return new Map([
    [
      'Chart.yaml',
      Yaml.stringify({
        apiVersion: 'v2',
        name: chartName,
        description: 'An HR backend of small services under a service mesh',
        type: 'application',
        version,
        appVersion: version,
        kubeVersion: '>=1.34.0-0',
      }),
    ],
    ['values.yaml', withDescriptions(defaults)],
    [
      'values.schema.json',
      `${JSON.stringify(schemaOf(defaults, environments, imagesOf(shapes)), null, 2)}\n`,
    ],
    ...values.map((own, index) => [`values/${environments[index]!.name}.yaml`, Yaml.stringify(own)] as const),
    // Kong and Istio come by charts of their own.
    ...environments.flatMap((environment) =>
      [...helmValuesOf(services, environment)].map(
        ([file, own]) => [`values/${environment.name}-${file}`, Yaml.stringify(own)] as const,
      ),
    ),
    ['templates/_secrets.tpl', secretsOf(shapes)],
    ['templates/checks.tpl', checksOf(services, environments)],
    ...[...templatesOf(shapes)].map(([file, text]) => [`templates/${file}`, text] as const),
    ...(await Promise.all(
      ['_helpers.tpl', 'NOTES.txt'].map(
        async (file) =>
          [`templates/${file}`, await readFile(new URL(file, import.meta.url), 'utf8')] as const,
      ),
    )),
  ])
}

/** Writes the chart's folder anew. */
export async function writeChart(files: ReadonlyMap<string, string>, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  for (const [file, text] of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
}

const withDescriptions = (values: Tree) =>
  Object.entries(values)
    .map(([key, value]) => `# ${descriptionOf(key)}.\n${Yaml.stringify({ [key]: value })}`)
    .join('\n')
