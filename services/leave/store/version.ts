import { DomainError } from '#kit/problem.ts'

/** Refuses a change by who has not seen the newest version. */
export function assertVersion({ version }: { version: number }, expected: number): void {
  if (version !== expected)
    throw new DomainError('version-conflict', { detail: `It is at version ${version}` })
}
