import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Yaml } from 'cdk8s'

interface ApiObject {
  kind: string
  metadata: { name: string; namespace?: string }
}

/**
 * What changes from one set of objects to another, object by object and not by the files they happen to be in: a
 * summary, then a unified diff. Empty where nothing does.
 */
export async function diffOf(before: readonly object[], after: readonly object[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'staffmesh-diff-'))
  try {
    await Promise.all([write(before, join(folder, 'before')), write(after, join(folder, 'after'))])
    // A Job with a new hash in its name is shown as the old one renamed, with what changed.
    const options = ['--no-index', '--no-prefix', '--find-renames', '--stat=120', '--patch']
    return await promisify(execFile)('git', ['diff', ...options, 'before', 'after'], {
      cwd: folder,
      maxBuffer: 1e8,
    }).then(
      ({ stdout }) => stdout,
      // As diff does: 1 says that there are differences.
      (error: { code?: number; stdout: string }) => {
        if (error.code === 1) return error.stdout
        throw error
      },
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function write(objects: readonly object[], folder: string): Promise<void> {
  await mkdir(folder)
  for (const object of objects) {
    // Values of a Helm chart are no object of a cluster.
    if (!isApiObject(object)) continue
    const { kind, metadata } = object
    const file = [metadata.namespace ?? 'cluster', kind, metadata.name].join(' ')
    await writeFile(join(folder, `${file}.yaml`), Yaml.stringify(object))
  }
}

const isApiObject = (object: object): object is ApiObject => 'kind' in object && 'metadata' in object
