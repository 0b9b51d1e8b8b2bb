import { DomainError } from '#kit/problem.ts'

/** What an operation answers, or null where it answers that there is no such thing. */
export async function orNull<T>(code: string, answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof DomainError && error.code === code) return null
    throw error
  }
}
