import { generateKeyPair, randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Passwords of the roles of one service's database. */
export type Passwords = { owner: string; app: string; worker: string }

export type Secrets = {
  databases: Record<string, Passwords>
  /** Files that identity reads: a JWKS of private keys, and what signs the cookies of a login. */
  signingKeysFile: string
  cookieKeysFile: string
}

const random = () => randomBytes(32).toString('base64url')

/** The secrets of a data directory, made where they are missing and then kept; only their owner reads them. */
export async function keptSecrets(dataDir: string, databases: readonly string[]): Promise<Secrets> {
  const dir = join(dataDir, 'secrets')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const passwordsFile = join(dir, 'database-passwords.json')
  const signingKeysFile = join(dir, 'signing-keys.json')
  const cookieKeysFile = join(dir, 'cookie-keys.json')
  const [passwords] = await Promise.all([
    keep<Record<string, Passwords>>(passwordsFile, async (kept = {}) => {
      const missing = databases.filter((name) => !kept[name])
      if (missing.length === 0) return kept
      const made = missing.map(
        (name) => [name, { owner: random(), app: random(), worker: random() }] as const,
      )
      return { ...kept, ...Object.fromEntries(made) }
    }),
    // The first signs; the second is published already and signs after a rotation.
    keep(signingKeysFile, async (kept) => kept ?? { keys: [await signingKey(), await signingKey()] }),
    keep(cookieKeysFile, async (kept) => kept ?? [random()]),
  ])
  return { databases: passwords, signingKeysFile, cookieKeysFile }
}

/** Reads what a file holds, lets `complete` add what is missing, and keeps the result. */
async function keep<T>(file: string, complete: (kept: T | undefined) => Promise<T>): Promise<T> {
  const kept = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as T,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    },
  )
  const completed = await complete(kept)
  if (completed !== kept) {
    // Aside and renamed: a crash leaves the old file or the new one, never half of one.
    await writeFile(`${file}.new`, JSON.stringify(completed, null, 2), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  return completed
}

/** A private RS256 key as a JWK with its kid, as identity reads it. */
export async function signingKey() {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' }
}
