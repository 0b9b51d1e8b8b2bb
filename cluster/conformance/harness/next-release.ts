import { migrationFiles } from '#kit/schema-version.ts'
import { namespaces } from '../../../mesh/resource.ts'
import { openDatabase } from './database.ts'
import { environment } from './edge.ts'
import { eventually } from './eventually.ts'
import { apply, kubectl, read } from './kubernetes.ts'
import { objectsOf } from './manifests.ts'
import { rolledOut } from './rollouts.ts'

const namespace = namespaces.services

/** On what must not stay. */
const mark = 'staffmesh.dev/next-release-of'

/**
 * Releases of a service that need migrations which nobody has written yet: its own image, with further files in the
 * folder of migrations. Migrated by the service's own migrator, with its identity and its database role.
 *
 * @param undo statements that take back what the migrations may have left
 */
export async function releasesOf(service: string, undo: string) {
  const name = `${service}-next-release`
  const labels = { [mark]: service }
  const folder = `services/${service}/migrations`
  const known = (await migrationFiles(new URL(`../../../${folder}/`, import.meta.url))).length
  const objects = await objectsOf(environment)
  const object = (kind: string, matches: (name: string) => boolean) =>
    // biome-ignore lint/suspicious/noExplicitAny: a rendered object, of which little is looked at
    objects.find((each) => each.kind === kind && matches(each.metadata.name)) as any
  const migration = object('Job', (job) => job.startsWith(`${service}-migration-`))
  const deployment = object('Deployment', (each) => each === service)
  let files: Record<string, string> = {}

  /** The pod of a release: that of today, with the files where the program looks for migrations. */
  // biome-ignore lint/suspicious/noExplicitAny: a pod template
  const withFiles = ({ metadata, spec }: any) => {
    const [container] = spec.containers
    const mounts = Object.keys(files).map((file) => ({
      name,
      mountPath: `/app/${folder}/${file}`,
      subPath: file,
      readOnly: true,
    }))
    return {
      metadata,
      spec: {
        ...spec,
        containers: [{ ...container, volumeMounts: [...container.volumeMounts, ...mounts] }],
        volumes: [...spec.volumes, { name, configMap: { name } }],
      },
    }
  }

  async function clean(): Promise<void> {
    await kubectl([
      ...['delete', 'job,configmap', '--selector', `${mark}=${service}`, '--namespace', namespace],
      '--cascade=foreground',
    ])
    const { client, close } = await openDatabase(service)
    await client.query(undo)
    await client.query(`delete from migration where name like '%-conformance-%'`)
    await close()
  }
  // Another run may have been killed.
  await clean()

  return {
    /** Rolls out a release that needs one migration more; its pods are ready only at that schema. */
    async release(title: string, sql: string): Promise<void> {
      const number = known + Object.keys(files).length + 1
      files = { ...files, [`${String(number).padStart(3, '0')}-conformance-${title}.sql`]: sql }
      const job = `${name}-${title}`
      await apply(
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data: files },
        {
          ...migration,
          metadata: { name: job, namespace, labels },
          spec: { ...migration.spec, template: withFiles(migration.spec.template) },
        },
      )
      await eventually(`${job} has migrated`, async () => {
        const { status } = await read('jobs', namespace, job)
        if (!status.succeeded) throw new Error(JSON.stringify(status))
      })
      await apply({
        ...deployment,
        spec: { ...deployment.spec, template: withFiles(deployment.spec.template) },
      })
      await rolledOut(namespace, [service])
    },
    /** Back to the release of today, which can live with the schema of a later one; then the traces are removed. */
    async end(): Promise<void> {
      await apply(deployment)
      await rolledOut(namespace, [service])
      await clean()
    },
  }
}
