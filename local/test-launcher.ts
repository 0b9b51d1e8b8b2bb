import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./start.ts', import.meta.url))

export type Launcher = { process: ChildProcess; ready: Promise<string>; ended: Promise<Ended> }
type Ended = { code: number | null; output: string; errors: string }

/** Starts everything as a person does; `ready` has what is printed then. */
export function start(...args: string[]): Launcher {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME }
  const child = spawn(process.execPath, [script, ...args], { env })
  const errors = text(child.stderr)
  let output = ''
  const ended = once(child, 'close').then(async ([code]) => ({ code, output, errors: await errors }))
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += chunk
      if (output.includes('is ready')) resolve(output)
    })
    ended.then((how) => reject(new Error(`Ended with ${how.code}: ${how.errors}`)))
  })
  ready.catch(() => {})
  return { process: child, ready, ended }
}
