import { endProbes } from './harness/probes.ts'

/** What an earlier run has left, or is still ending. */
export const setup = () => endProbes({ wait: true })

/** After the last proof: pods that several of them asked from. */
export const teardown = () => endProbes({ wait: false })
