import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProcessSpec = {
  name: string
  /** Script and arguments for Node. */
  args: string[]
  env: Record<string, string>
  /** Answers 200 as soon as the process can work. */
  readyUrl: string
}

export type Supervisor = {
  /** Starts a process; resolves when it is ready. */
  start(spec: ProcessSpec): Promise<void>
  /** Stops some processes, side by side, and waits for their end. */
  stop(names: string[]): Promise<void>
  /** Ends everything that is left, at once. */
  kill(): void
  /** Resolves with the report of the first process that ended unasked. */
  failed: Promise<ProcessFailure>
}

export class ProcessFailure extends Error {}

/** How long a process may take to get ready, on a machine that is busy with something else too. */
const startPatience = 60_000

export function createSupervisor({ logDir, grace }: { logDir: string; grace: number }): Supervisor {
  mkdirSync(logDir, { recursive: true, mode: 0o700 })
  const running = new Map<string, ChildProcess>()
  const stopping = new Set<string>()
  const { promise: failed, resolve: fail } = Promise.withResolvers<ProcessFailure>()

  function launch(spec: ProcessSpec, logFile: string): ChildProcess {
    keepPrevious(logFile)
    const log = openSync(logFile, 'a', 0o600)
    const child = spawn(process.execPath, spec.args, {
      // The child reads nothing from its standard input: its end tells that this process is gone.
      stdio: ['pipe', log, log],
      env: { ...spec.env, EXIT_WITH_PARENT: '1', SHUTDOWN_GRACE_MS: String(grace) },
      // A session of its own: Ctrl-C in the terminal comes to this process only, which stops them in order.
      detached: true,
    })
    closeSync(log)
    child.stdin!.on('error', () => {})
    return child
  }

  return {
    failed,
    async start(spec) {
      const logFile = join(logDir, `${spec.name}.log`)
      const child = launch(spec, logFile)
      running.set(spec.name, child)
      const ended = Promise.race([
        once(child, 'exit').then(([code, signal]) => (signal ? `by ${signal}` : `with exit code ${code}`)),
        once(child, 'error').then(([error]) => `before it began: ${error}`),
      ]).then(async (how) => {
        running.delete(spec.name)
        const failure = new ProcessFailure(
          `${spec.name} ended ${how}. The end of its log, ${logFile}:\n${await logTail(logFile)}`,
        )
        if (!stopping.has(spec.name)) fail(failure)
        return failure
      })
      const outcome = await untilReady(spec.readyUrl, child)
      if (outcome === 'ended') throw await ended
      if (outcome === 'late') {
        throw new ProcessFailure(
          `${spec.name} did not get ready in ${startPatience / 1000} s. The end of its log, ${logFile}:\n` +
            (await logTail(logFile)),
        )
      }
    },
    async stop(names) {
      await Promise.all(
        names.map(async (name) => {
          const child = running.get(name)
          if (!child || hasEnded(child)) return
          stopping.add(name)
          const ended = once(child, 'exit')
          child.kill('SIGTERM')
          const patience = setTimeout(() => child.kill('SIGKILL'), grace + 1000)
          await ended
          clearTimeout(patience)
        }),
      )
    },
    kill() {
      for (const [name, child] of running) {
        stopping.add(name)
        child.kill('SIGKILL')
      }
    },
  }
}

/** The log of the run before is what one looks for after a crash. */
function keepPrevious(logFile: string): void {
  try {
    renameSync(logFile, `${logFile}.1`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function untilReady(url: string, child: ChildProcess): Promise<'ready' | 'ended' | 'late'> {
  const end = Date.now() + startPatience
  while (Date.now() < end) {
    if (hasEnded(child)) return 'ended'
    if (await answers(url)) return 'ready'
    await sleep(40)
  }
  return 'late'
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 2000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('error', () => resolve(false))
    request.on('timeout', () => request.destroy())
  })
}

/** The last lines of a log for human eyes: of JSON lines the message and the error. */
async function logTail(file: string, lines = 12): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const last = text.trimEnd().split('\n').slice(-lines)
  return last.map((line) => `  ${readable(line)}`).join('\n')
}

function readable(line: string): string {
  try {
    const { time, level, msg, err } = JSON.parse(line)
    return [time, level, msg, err?.stack ?? err?.message].filter(Boolean).join(' ').replaceAll('\n', '\n  ')
  } catch {
    return line
  }
}
