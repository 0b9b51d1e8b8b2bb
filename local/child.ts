import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type Child<Question, Answer> = {
  /** Hands over the question as JSON and waits for the answer. */
  ask(question: Question): Promise<Answer>
  cancel(): void
}

/**
 * Starts a script of this folder that reads one question from standard input, writes one answer and ends: work
 * that happens once, in a process of its own, so that the launcher, which stays, does not keep its modules.
 * They load before the question is known.
 */
export function startChild<Question, Answer>(
  script: string,
  env: Record<string, string>,
): Child<Question, Answer> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url))], { env })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  ended.catch(() => {})
  child.stdin.on('error', () => {})
  return {
    async ask(question) {
      child.stdin.end(JSON.stringify(question))
      const [output, errors, [code, signal]] = await ended
      if (code !== 0) throw new Error(errors.trim() || `${script} ended by ${signal ?? `exit code ${code}`}`)
      return JSON.parse(output) as Answer
    },
    cancel: () => child.kill(),
  }
}
