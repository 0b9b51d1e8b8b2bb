import { refusals } from '#kit/problem.ts'
import { problems } from '../contract/problems.ts'

/** Refuses with a code of leave's contract. */
export const refuse = refusals(problems)
