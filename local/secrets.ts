import { generateKeyPair, randomBytes, randomUUID, type webcrypto } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

type SigningKey = webcrypto.JsonWebKey & { kid: string }

export type Secrets = {
  /** Passwords of each service's database roles. */
  databases: Record<string, { owner: string; app: string; worker: string }>
  /** Keys that sign tokens: the first signs, the second is known already and takes over when keys rotate. */
  signingKeys: SigningKey[]
  /** Keys that sign the login's cookies. */
  cookieKeys: string[]
}

const password = () => randomBytes(24).toString('base64url')

/** The secrets of this data directory, made where they are missing and then kept; only their owner reads them. */
export async function keptSecrets(dataDir: string, databases: readonly string[]): Promise<Secrets> {
  const file = join(dataDir, 'secrets.json')
  const kept = await read(file)
  const secrets: Secrets = {
    databases: { ...kept.databases },
    signingKeys: kept.signingKeys ?? (await Promise.all([signingKey(), signingKey()])),
    cookieKeys: kept.cookieKeys ?? [password(), password()],
  }
  for (const name of databases) {
    secrets.databases[name] ??= { owner: password(), app: password(), worker: password() }
  }
  const text = `${JSON.stringify(secrets, null, 2)}\n`
  if (text !== `${JSON.stringify(kept, null, 2)}\n`) {
    // Aside and renamed: a crash leaves the old file or the new one, never half of one.
    await writeFile(`${file}.new`, text, { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  return secrets
}

async function read(file: string): Promise<Partial<Secrets>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Secrets
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

async function signingKey(): Promise<SigningKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' }
}
