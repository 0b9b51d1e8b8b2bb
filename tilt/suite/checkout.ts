import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { run } from '../../cluster/shell.ts'

const project = resolve(import.meta.dirname, '..', '..')

export interface Checkout {
  folder: string
  remove(): Promise<void>
}

/** A copy of the sources as they are here, to be edited by a test; it shares the packages. */
export async function copyOfSources(): Promise<Checkout> {
  const folder = await mkdtemp(join(tmpdir(), 'staffmesh-'))
  const git = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const files = (await run('git', git, { cwd: project })).split('\0').filter(Boolean)
  for (const file of files)
    await cp(join(project, file), join(folder, file)).catch((error: NodeJS.ErrnoException) => {
      // Deleted, and not yet committed so.
      if (error.code !== 'ENOENT') throw error
    })
  // What is built says which revision it is of.
  const author = ['-c', 'user.name=Staffmesh', '-c', 'user.email=staffmesh@localhost']
  for (const command of [
    ['init', '--quiet'],
    ['add', '.'],
    [...author, 'commit', '--quiet', '--message', 'Copy'],
  ])
    await run('git', command, { cwd: folder })
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
