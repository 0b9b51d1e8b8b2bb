import { until } from '../../shell.ts'

/** Asks again until nothing is thrown: policies and pods take a moment to get where they hold. */
export const eventually = <T>(what: string, ask: () => Promise<T>, seconds = 60) =>
  until(what, ask, { seconds, pause: 500 })
