import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { Yaml } from 'cdk8s'
import { environmentOf } from './environments.ts'
import { diffOf } from './object-diff.ts'

/** Shows what the working tree changes in the manifests, compared with a revision or with a folder of manifests. */
const run = promisify(execFile)
const repository = join(import.meta.dirname, '..')
const work = await mkdtemp(join(tmpdir(), 'staffmesh-diff-'))
try {
  const { values } = parseArgs({
    options: { env: { type: 'string' }, base: { type: 'string', default: 'HEAD' } },
  })
  const { name } = environmentOf(values.env)
  const isFolder = await readdir(values.base).then(
    () => true,
    () => false,
  )
  const before = isFolder ? values.base : await synthOf(await checkout(values.base), name, 'before')
  const after = await synthOf(repository, name, 'after')
  const difference = await diffOf(await objectsIn(before), await objectsIn(after))
  process.stdout.write(difference || `${name}: nothing changes against ${values.base}\n`)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
} finally {
  await rm(work, { recursive: true })
}

/** The files of a revision, beside the packages that are installed here. */
async function checkout(revision: string): Promise<string> {
  const folder = join(work, 'checkout')
  const archive = join(work, 'checkout.tar')
  await run('git', ['archive', '--output', archive, revision], { cwd: repository }).catch(() => {
    throw new Error(
      `${revision} is neither a folder nor a revision: use --base <folder of manifests>|<revision>`,
    )
  })
  await mkdir(folder)
  await run('tar', ['-xf', archive, '-C', folder])
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

async function synthOf(tree: string, environment: string, into: string): Promise<string> {
  const out = join(work, into)
  await run(process.execPath, ['cdk8s/synth.ts', '--env', environment, '--out', out], { cwd: tree })
  return out
}

async function objectsIn(folder: string): Promise<object[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).sort()
  if (files.length === 0) throw new Error(`${folder} has no manifests: npm run synth writes some`)
  return files.flatMap((file) => Yaml.load(join(folder, file)) as object[])
}
