import { DomainError } from '#kit/problem.ts'

/** Does work in turns: at most `atOnce` at a time, at most `waiting` in the queue; who comes then is refused. */
export function inTurns({ atOnce, waiting }: { atOnce: number; waiting: number }) {
  const queue: (() => void)[] = []
  let running = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < atOnce) running++
    else if (queue.length < waiting) await new Promise<void>((resume) => queue.push(resume))
    else throw new DomainError('unavailable', { detail: 'Too many at once' })
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else running--
    }
  }
}
