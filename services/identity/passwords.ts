import { hash, verify } from '@node-rs/argon2'
import { normalizePassword } from './domain/password.ts'

/** Argon2id with the least memory that OWASP recommends: 19 MiB, two passes, one lane. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Hashes at once at most: each takes a core and its 19 MiB, and the rest of the service wants some too. */
const atOnce = 2

let running = 0
const waiting: (() => void)[] = []

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atOnce) await new Promise<void>((resume) => waiting.push(resume))
  else running++
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

export const hashPassword = (password: string) => inTurn(() => hash(normalizePassword(password), parameters))

let decoy: Promise<string> | undefined

/** Without a hash it takes as long as with one, so that the time doesn't tell which accounts exist. */
export async function isPassword(stored: string | undefined, password: string): Promise<boolean> {
  decoy ??= hashPassword('of an account that does not exist')
  const against = stored ?? (await decoy)
  const matches = await inTurn(() => verify(against, normalizePassword(password)))
  return matches && stored !== undefined
}
