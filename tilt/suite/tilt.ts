import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { buildTool } from '../../cluster/binaries/build.ts'
import { folders } from '../../cluster/node/folders.ts'
import { run } from '../../cluster/shell.ts'
import { freePorts } from '../../local/ports.ts'

/** A resource as Tilt tells of it: https://docs.tilt.dev/api/v1alpha1 (UIResource). */
export interface Resource {
  name: string
  /** ok, pending, in_progress, error, none, not_applicable */
  update: string
  runtime: string
}

/** Tilt, of the bare cluster, on a checkout. */
export interface Tilt {
  /** Runs a command to its end and answers with what it said. */
  run(...args: string[]): Promise<string>
  /** Starts `tilt up`, which goes on. */
  up(): Up
}

export interface Up {
  resources(): Promise<Resource[]>
  /** What it has said until now. */
  said(): string
  end(): Promise<void>
}

export async function tiltOn(folder: string): Promise<Tilt> {
  const home = await buildTool('tilt')
  const program = join(home, 'tilt')
  const [port] = await freePorts(1)
  // Its buttons ask for it by name.
  const path = `${home}:${process.env.PATH}`
  const env = { KUBECONFIG: folders().kubeconfig, TILT_PORT: String(port), PATH: path }
  return {
    run: (...args) => run(program, args, { cwd: folder, env }),
    up() {
      let said = ''
      const child = spawn(program, ['up', '--stream'], {
        cwd: folder,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data) => {
          said += data
        })
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      return {
        async resources() {
          const answer = await run(program, ['get', 'uiresources', '--output', 'json'], { env })
          return (JSON.parse(answer) as { items: UiResource[] }).items.map(({ metadata, status }) => ({
            name: metadata.name,
            update: status.updateStatus ?? '',
            runtime: status.runtimeStatus ?? '',
          }))
        },
        said: () => said,
        async end() {
          child.kill('SIGINT')
          await ended
        },
      }
    },
  }
}

interface UiResource {
  metadata: { name: string }
  status: { updateStatus?: string; runtimeStatus?: string }
}

/** Green, as `tilt ci` means it: up to date, and what runs runs. Buttons that nobody has pressed do not count. */
export const isGreen = ({ update, runtime }: Resource) =>
  ['ok', 'none', 'not_applicable'].includes(update) && ['ok', 'not_applicable', 'none'].includes(runtime)
