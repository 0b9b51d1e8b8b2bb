import type { Service } from '#kit/service.ts'
import type { DatabaseInstance, Environment, LimitService, Telemetry } from '../../cdk8s/environments.ts'

/** A value of the Helm chart: where it stands in values.yaml, what it is in an environment, what stood in its place. */
export interface Value {
  path: readonly string[]
  real: Real
  placeholder: string | number
}

type Real = string | number | readonly string[]

export const publicUrl = ['publicUrl'] as const

/** No name of ours ends like this. */
const stringPattern = /helm-value-[\w-]+\.invalid/
export const placeholderOf = (path: readonly string[]) => `helm-value-${path.join('-').toLowerCase()}.invalid`

/** A valid port, and more replicas than anybody has. */
const firstNumber = 40_001
/** Beyond what all services could ask for with those replicas: synth checks that against real values. */
const plentyOfConnections = 1_000_000_000

/**
 * Declarations and values with placeholders for what the Helm chart leaves open, so that its templates come from the
 * same charts as the manifests. A placeholder is the same in each environment.
 */
export class Placeholders {
  readonly values: Value[] = []
  readonly #numbers: Map<string, number>

  /** @param numbers shared by all environments */
  constructor(numbers: Map<string, number>) {
    this.#numbers = numbers
  }

  string(real: string | readonly string[], ...path: string[]): string {
    const placeholder = placeholderOf(path)
    if (!this.values.some((value) => value.placeholder === placeholder))
      this.values.push({ path, real, placeholder })
    return placeholder
  }

  number(real: number, base: number, ...path: string[]): number {
    const key = path.join('.')
    const placeholder = this.#numbers.get(key) ?? base + this.#numbers.size
    this.#numbers.set(key, placeholder)
    this.values.push({ path, real, placeholder })
    return placeholder
  }

  services(services: readonly Service[], { maxReplicas = Number.POSITIVE_INFINITY }: Environment): Service[] {
    const replicas = (real: number, ...path: string[]) =>
      this.number(Math.min(real, maxReplicas), firstNumber, 'replicas', ...path)
    return services.map((service) => ({
      ...service,
      scaling: {
        ...service.scaling,
        min: replicas(service.scaling.min, service.name, 'min'),
        max: replicas(service.scaling.max, service.name, 'max'),
      },
    }))
  }

  environment(environment: Environment): Environment {
    const { maxReplicas: _, ...rest } = environment
    const { corsOrigins, images, tls } = environment
    // Of an http public URL another edge follows than of an https one, so the scheme stays.
    const scheme = environment.publicUrl?.startsWith('http:') ? 'http' : 'https'
    return {
      ...rest,
      domain: this.string(environment.domain, 'domain'),
      publicUrl: `${scheme}://${this.string(environment.publicUrl ?? '', ...publicUrl)}`,
      // Digests are told apart in the template, see _helpers.tpl.
      images: {
        registry: this.string(images.registry, 'images', 'registry'),
        tag: this.string(images.tag, 'images', 'tag'),
      },
      ...(corsOrigins ? { corsOrigins: [this.string(corsOrigins, 'corsOrigins')] } : {}),
      ...(tls && 'clusterIssuer' in tls
        ? { tls: { clusterIssuer: this.string(tls.clusterIssuer, 'tls', 'clusterIssuer') } }
        : {}),
      instances: Object.fromEntries(
        Object.entries(environment.instances).map(([name, instance]) => [
          name,
          this.#instance(name, instance),
        ]),
      ),
      limits: this.#limits(environment.limits),
      telemetry: this.#telemetry(environment.telemetry),
    }
  }

  #telemetry({ image, traces, metrics, ...rest }: Telemetry): Telemetry {
    return {
      ...rest,
      image: this.string(image, 'telemetry', 'image'),
      traces:
        'image' in traces
          ? { image: this.string(traces.image, 'telemetry', 'traces', 'image') }
          : {
              outside: {
                ...traces.outside,
                host: this.string(traces.outside.host, 'telemetry', 'traces', 'host'),
                port: this.number(traces.outside.port, firstNumber, 'telemetry', 'traces', 'port'),
              },
            },
      metrics:
        'image' in metrics ? { image: this.string(metrics.image, 'telemetry', 'metrics', 'image') } : metrics,
    }
  }

  #limits({ image, replicas, store }: LimitService): LimitService {
    const path = ['limits', 'store'] as const
    return {
      image: this.string(image, 'limits', 'image'),
      replicas: this.number(replicas, firstNumber, 'limits', 'replicas'),
      store:
        'image' in store
          ? { image: this.string(store.image, ...path, 'image') }
          : {
              outside: {
                ...store.outside,
                host: this.string(store.outside.host, ...path, 'host'),
                port: this.number(store.outside.port, firstNumber, ...path, 'port'),
              },
            },
    }
  }

  #instance(name: string, { outside, maxConnections, storage, ...rest }: DatabaseInstance): DatabaseInstance {
    const path = ['databases', name] as const
    return {
      ...rest,
      maxConnections: this.number(maxConnections, plentyOfConnections, ...path, 'maxConnections'),
      ...(storage ? { storage: this.string(storage, ...path, 'storage') } : {}),
      ...(outside
        ? {
            outside: {
              ...outside,
              host: this.string(outside.host, ...path, 'host'),
              port: this.number(outside.port, firstNumber, ...path, 'port'),
            },
          }
        : {}),
    }
  }

  /** Each Secret that a manifest reads, unless one of `made`, is a value: by the name that it has unless told. */
  nameSecrets<T>(manifest: T, made: readonly string[], key = ''): T {
    if (typeof manifest === 'string')
      return (
        key === 'secretName' && !made.includes(manifest)
          ? this.string(manifest, 'secretNames', manifest)
          : manifest
      ) as T
    if (Array.isArray(manifest)) return manifest.map((item) => this.nameSecrets(item, made, key)) as T
    if (typeof manifest !== 'object' || manifest === null) return manifest
    return Object.fromEntries(
      Object.entries(manifest).map(([name, value]) => [
        name,
        this.nameSecrets(value, made, namesSecret(name, manifest, key) ? 'secretName' : name),
      ]),
    ) as T
  }
}

/** Where else the name of a Secret stands: what a Role lets one reach, and in a variable of a pod that asks for it. */
const namesSecret = (name: string, parent: { resources?: unknown; name?: unknown }, key: string) =>
  (name === 'name' && key === 'secretKeyRef') ||
  (name === 'resourceNames' && String(parent.resources) === 'secrets') ||
  (name === 'value' && String(parent.name).endsWith('_SECRET'))

/** What is left of a placeholder where a part of it was used, if anything. */
export const strayOf = (text: string): string | undefined => stringPattern.exec(text)?.[0]
