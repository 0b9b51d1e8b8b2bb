import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../cached.ts'
import { need, run, step } from '../shell.ts'

const suite = 'bookworm'

/** On top of Debian's minimum: what istio-cni runs, Redis, and what is copied from here into the slim root. */
const packages = [
  'ca-certificates',
  'iproute2',
  'iptables',
  'libatomic1',
  'libstdc++6',
  'nftables',
  'redis-server',
  'tzdata',
]

/** Documents, what apt has fetched, and what debootstrap took over from this machine. */
const pruned = [
  'etc/hostname',
  'etc/resolv.conf',
  'usr/share/doc',
  'usr/share/locale',
  'usr/share/man',
  'var/cache/apt',
  'var/lib/apt/lists',
  'var/log',
]

/** Who processes run as, by number in the manifests; initdb asks for the name. */
export const accounts = { postgres: 999, istio: 1337, nonroot: 65532 } as const

/** Changes with what the folder is made by. */
const nameOf = (recipe: object) =>
  join('images', `${suite}-${createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12)}`)

/** Folder with a Debian of few packages, with a shell. */
export const debianRoot = () =>
  cached(nameOf({ packages, pruned, accounts }), (root) =>
    step(`Fetch Debian ${suite}`, async () => {
      await need(['debootstrap'])
      await run('debootstrap', ['--variant=minbase', `--include=${packages.join(',')}`, suite, root])
      for (const folder of pruned) await rm(join(root, folder), { recursive: true, force: true })
      // Made by the kernel or the container runtime, never by an image.
      for (const folder of ['dev', 'proc', 'sys']) {
        await rm(join(root, folder), { recursive: true, force: true })
        await mkdir(join(root, folder))
      }
      for (const [name, id] of Object.entries(accounts))
        await run('chroot', [
          root,
          'useradd',
          '--system',
          '--user-group',
          '--no-create-home',
          '--uid',
          `${id}`,
          name,
        ])
    }),
  )

/** What programs that are linked dynamically need: of these packages, everything but documents. */
const slimPackages = ['ca-certificates', 'libatomic1', 'libc6', 'libgcc-s1', 'libstdc++6', 'tzdata']

/** The merged /usr with its links, and what was written when packages were configured: dpkg lists neither. */
const unlisted = [
  'usr/bin',
  'usr/lib',
  'usr/lib64',
  'usr/sbin',
  'bin',
  'lib',
  'lib64',
  'sbin',
  'dev',
  'proc',
  'run',
  'sys',
  'tmp',
  'etc/group',
  'etc/ld.so.cache',
  'etc/nsswitch.conf',
  'etc/os-release',
  'etc/passwd',
  'etc/ssl/certs/ca-certificates.crt',
  'usr/lib/os-release',
]

/** Charsets that iconv converts between; none of our programs does. */
const unused = [...pruned, 'usr/lib/x86_64-linux-gnu/gconv']

/** Folder with libraries, certificates and time zones alone: no shell, nothing of use to who gets in. */
export async function slimRoot(): Promise<string> {
  const debian = await debianRoot()
  return cached(nameOf({ debian, slimPackages, unlisted, unused }), async (root) => {
    const listed = await run('dpkg-query', ['--root', debian, '--listfiles', ...slimPackages])
    const files = listed
      .split('\n')
      .filter((path) => path.startsWith('/') && path !== '/.')
      .map((path) => path.slice(1))
      .filter((path) => !unused.some((folder) => path === folder || path.startsWith(`${folder}/`)))
    await mkdir(root)
    const archive = `${root}.tar`
    const input = [...unlisted, ...files].join('\n')
    await run('tar', ['--create', '--file', archive, '-C', debian, '--no-recursion', '--files-from', '-'], {
      input,
    })
    await run('tar', ['--extract', '--file', archive, '-C', root, '--preserve-permissions'])
    await rm(archive)
  })
}
