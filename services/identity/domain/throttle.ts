export type ThrottleKind = 'account' | 'address'

interface Rule {
  /** Failures without a pause. */
  free: number
  /** Seconds of the longest pause. */
  longest: number
}

/**
 * An account's pause is short at its longest, so that nobody can lock another person out for good; it still leaves
 * 1,440 guesses a day. An address may stand for a whole office, so it has more free failures and longer pauses.
 */
export const throttleRules: Record<ThrottleKind, Rule> = {
  account: { free: 5, longest: 60 },
  address: { free: 50, longest: 900 },
}

/** Seconds without a failure after which counting begins anew. */
export const forgetAfter = 3600

/** Seconds in which no further attempt is taken after that many failures in a row: 1, 2, 4 ... */
export function pauseAfter(kind: ThrottleKind, failures: number): number {
  const { free, longest } = throttleRules[kind]
  return failures <= free ? 0 : Math.min(longest, 2 ** Math.min(failures - free - 1, 30))
}
