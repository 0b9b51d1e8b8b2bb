import { hash, verify } from '@node-rs/argon2'
import { normalizePassword } from './domain/password.ts'
import { inTurns } from './turns.ts'

/** Argon2id with the least memory that OWASP recommends: 19 MiB, two passes, one lane. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * Each hash takes a core for some 40 ms and its 19 MiB, and the rest of the service wants some too. A queue that is
 * longer than people are patient helps nobody.
 */
const inTurn = inTurns({ atOnce: 2, waiting: 100 })

export const hashPassword = (password: string) => inTurn(() => hash(normalizePassword(password), parameters))

let decoy: Promise<string> | undefined

/** Without a hash it takes as long as with one, so that the time doesn't tell which accounts exist. */
export async function isPassword(stored: string | undefined, password: string): Promise<boolean> {
  decoy ??= hashPassword('of an account that does not exist')
  const against = stored ?? (await decoy)
  const matches = await inTurn(() => verify(against, normalizePassword(password)))
  return matches && stored !== undefined
}
