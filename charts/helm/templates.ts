import { Yaml } from 'cdk8s'
import { type Job, podHash } from '../../cdk8s/constructs/job.ts'
import { type Placeholders, placeholderOf, publicUrl, strayOf, type Value } from './placeholders.ts'

/** A Kubernetes object as far as the packaging looks into it. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
  spec?: object
}

/** The manifests of one environment, a list a file, and the placeholders that stand in them. */
export interface Shape {
  environment: string
  files: ReadonlyMap<string, readonly unknown[]>
  placeholders: Placeholders
}

/**
 * One template a file. What is the same in all environments stands there once; the rest under a condition that names
 * the environments which have it.
 */
export function templatesOf(shapes: readonly Shape[]): Map<string, string> {
  const files = [...new Set(shapes.flatMap(({ files }) => [...files.keys()]))].sort()
  return new Map(files.map((file) => [file, templateOf(file, shapes)]))
}

function templateOf(file: string, shapes: readonly Shape[]): string {
  // Keyed by the object, then by its text, so that the variants of an object stand side by side.
  const objects = new Map<string, Map<string, string[]>>()
  const pods = new Set<string>()
  for (const { environment, files, placeholders } of shapes)
    for (const object of (files.get(file) ?? []) as Manifest[]) {
      const { apiVersion, kind, metadata } = object
      const key = [apiVersion, kind, metadata.namespace, metadata.name].join('/')
      const variants = objects.get(key) ?? new Map<string, string[]>()
      const { yaml, pod } = textOf(object)
      const fill = (template: string) =>
        expressionsFor(template, placeholders.values, `${kind} ${metadata.name}`)
      const text = fill(yaml)
      pods.add(fill(pod))
      objects.set(key, variants.set(text, [...(variants.get(text) ?? []), environment]))
    }
  const lines: string[] = []
  let open: string | undefined
  const close = () => open && lines.push('{{- end }}\n')
  for (const [text, environments] of [...objects.values()].flatMap((variants) => [...variants])) {
    const condition =
      environments.length === shapes.length ? undefined : environments.map((name) => `"${name}"`).join(' ')
    if (condition !== open) {
      close()
      if (condition) lines.push(`{{- if has .Values.environment (list ${condition}) }}\n`)
      open = condition
    }
    lines.push(`---\n${text}`)
  }
  close()
  return [...pods, ...lines].join('')
}

const hashPlaceholder = 'helm-pod-hash'

/** A Job that is named after a hash of its pod, see cdk8s/constructs/job.ts, leaves that name open. */
export function openName(object: Manifest): Manifest {
  if (!isJob(object)) return object
  const { name } = object.metadata
  const hash = podHash(object.spec.template.spec)
  return {
    ...object,
    metadata: { ...object.metadata, name: name.replace(`-${hash}`, `-${hashPlaceholder}`) },
  }
}

const isJob = (object: Manifest): object is Manifest & Job => object.kind === 'Job'

/** What looks like a template but is meant for others, e.g. a proxy. */
const quoted = (text: string) => text.replaceAll('{{', '{{ "{{" }}')

/** The YAML of an object. The name of a Job hashes its pod with the values in it, so the pod is a template of its own. */
function textOf(object: Manifest): { yaml: string; pod: string } {
  const yaml = quoted(Yaml.stringify(object))
  if (!isJob(object) || !yaml.includes(hashPlaceholder)) return { yaml, pod: '' }
  const { spec } = object.spec.template
  const name = `staffmesh.pod-${podHash(spec)}`
  return {
    yaml: yaml.replace(hashPlaceholder, `{{ include "${name}" . | sha256sum | trunc 8 }}`),
    pod: `{{- define "${name}" -}}\n${quoted(JSON.stringify(spec))}\n{{- end }}\n`,
  }
}

const literal = (placeholder: string | number) => String(placeholder).replaceAll('.', '\\.')
const version = `([\\w-]+):${literal(placeholderOf(['images', 'tag']))}`
const imagePattern = new RegExp(`${literal(placeholderOf(['images', 'registry']))}/${version}`, 'g')
const versionPattern = new RegExp(version, 'g')
const publicUrlPattern = new RegExp(`https?://${literal(placeholderOf(publicUrl))}`, 'g')

/** Puts template expressions where placeholders stand. */
function expressionsFor(yaml: string, values: readonly Value[], where: string): string {
  let text = yaml
    .replaceAll(imagePattern, '{{ include "staffmesh.image" (list . "$1") }}')
    .replaceAll(versionPattern, '{{ include "staffmesh.version" (list . "$1") }}')
    .replaceAll(publicUrlPattern, '{{ include "staffmesh.publicUrl" . }}')
  for (const { path, real, placeholder } of values) {
    const expression = expressionOf(path)
    const found = literal(placeholder)
    if (Array.isArray(real))
      text = text.replaceAll(new RegExp(`:\\n +- ${found}$`, 'gm'), `: {{ ${expression} | toJson }}`)
    else if (path[0] !== publicUrl[0])
      text = text
        .replaceAll(new RegExp(`(: |- )${found}$`, 'gm'), `$1{{ ${expression} | toJson }}`)
        // Part of a longer string; the schema lets nothing through that could end it.
        .replaceAll(new RegExp(`(?<!\\d)${found}(?!\\d)`, 'g'), `{{ ${expression} }}`)
  }
  const stray = strayOf(text)
  if (stray)
    throw new Error(
      `${where} uses a part of ${stray}, which the Helm chart cannot fill in: use the value as a whole, or make a placeholder of that part (charts/helm/placeholders.ts)`,
    )
  return text
}

/** The names of our images, which digests are given for. */
export function imagesOf(shapes: readonly Shape[]): string[] {
  const manifests = JSON.stringify(shapes.map(({ files }) => [...files.values()]))
  return [...new Set([...manifests.matchAll(imagePattern)].map(([, name]) => name!))].sort()
}

export const expressionOf = (path: readonly string[]) =>
  path.every((key) => /^[a-z]\w*$/i.test(key))
    ? `.Values.${path.join('.')}`
    : `index .Values ${path.map((key) => `"${key}"`).join(' ')}`
