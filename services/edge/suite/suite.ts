import { limitSuite } from './limits.ts'
import { requestSuite } from './requests.ts'
import { streamSuite } from './streams.ts'
import type { Subject } from './subject.ts'
import { tokenSuite } from './tokens.ts'

/** Registers the contract that every edge keeps. The subject is asked for when the tests run. */
export function edgeSuite(subject: () => Subject): void {
  tokenSuite(subject)
  requestSuite(subject)
  streamSuite(subject)
  limitSuite(subject)
}
