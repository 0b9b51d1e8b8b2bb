import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { buildHere } from '../build.ts'
import type { Image } from '../image.ts'
import { type Config, openStorage } from '../storage.ts'

/** An image on this machine, and what may be done with it. */
export interface Unpacked {
  config: Config
  /** Bytes of its layers. */
  size: number
  /** Folder with its files. */
  root: string
  /**
   * Starts what the image starts, or another command, as its user, from its files, which are read-only but for /tmp. It shares this
   * machine's network.
   *
   * @param volumes path in the image → folder that is mounted there to be written to
   */
  start(options?: {
    command?: string[]
    env?: Record<string, string>
    volumes?: Record<string, string>
  }): ChildProcess
  remove(): Promise<void>
}

export async function unpack(image: Image): Promise<Unpacked> {
  const name = await buildHere(image)
  const storage = await openStorage()
  const { config, size } = await storage.inspect(name)
  const { root, release } = await storage.mount(name)
  return {
    config,
    size,
    root,
    start({ command = config.Entrypoint, env = {}, volumes = {} } = {}) {
      const [user, group] = config.User.split(':') as [string, string]
      const mounts = Object.entries(volumes).map(([path, folder]) => `mount --bind ${folder} ${root}${path}`)
      const script = [
        // A mount of its own can be read-only; it and all on top end with the process.
        `mount --bind ${root} ${root}`,
        `mount -o remount,bind,ro ${root}`,
        `mount -t tmpfs tmpfs ${root}/tmp`,
        ...mounts,
        `exec unshare --root=${root} --wd=${config.WorkingDir} --setgid=${group} --setuid=${user} "$@"`,
      ]
      return spawn('unshare', ['--mount', 'sh', '-ec', script.join('\n'), 'sh', ...command], {
        env: { ...Object.fromEntries(config.Env.map((each) => each.split(/=(.*)/s).slice(0, 2))), ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      })
    },
    remove: release,
  }
}

/** What a process has written, and all of it when it has ended. */
export interface Output {
  soFar: string
  whole: Promise<string>
}

export function outputOf(process: ChildProcess): Output {
  const output: Output = { soFar: '', whole: once(process, 'close').then(() => output.soFar) }
  for (const stream of [process.stdout!, process.stderr!])
    stream.setEncoding('utf8').on('data', (text) => {
      output.soFar += text
    })
  return output
}
