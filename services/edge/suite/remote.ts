import { readFile } from 'node:fs/promises'
import { beforeAll, describe } from 'vitest'
import { logInByForm } from '../../identity/fixtures/login.ts'
import type { Credentials } from '../../identity/login.ts'
import { services } from '../../index.ts'
import { newImport } from './item.ts'
import type { Subject, Who } from './subject.ts'
import { edgeSuite } from './suite.ts'

const {
  EDGE_URL: url,
  EDGE_ACCOUNTS: accountsFile = '.local/demo.json',
  EDGE_ORIGIN: origin,
  EDGE_EXHAUST: exhaust,
} = process.env
if (!url) throw new Error('Set EDGE_URL to the address of an edge that is up')

/** Whose quota of the demo accounts may be used up, and who of them has the least rights. */
const roles: Record<Who, string> = {
  'hr-admin': 'hr-admin',
  employee: 'employee',
  'other-tenant': 'other-tenant',
  spendthrift: 'manager',
}

interface Account extends Credentials {
  role: string
}

describe(`the edge at ${url}`, () => {
  const tokens = new Map<Who, string>()
  let item: string

  beforeAll(async () => {
    const { accounts } = JSON.parse(await readFile(accountsFile, 'utf8')) as { accounts: Account[] }
    for (const who of Object.keys(roles) as Who[]) {
      const account = accounts.find(({ role }) => role === roles[who])
      if (account) tokens.set(who, (await logInByForm(url, account)).access_token)
    }
    item = await newImport(url, tokens.get('hr-admin')!)
  })

  edgeSuite(
    (): Subject => ({
      url,
      services,
      origin: origin ?? new URL(url).origin,
      jwks: new URL('/oidc/jwks', url),
      has: (who) => tokens.has(who),
      async token(who) {
        const token = tokens.get(who)
        if (!token) throw new Error(`${accountsFile} has no account with the role ${roles[who]}`)
        return token
      },
      item,
      events: `${item}/events`,
      mayExhaust: exhaust === '1',
    }),
  )
})
