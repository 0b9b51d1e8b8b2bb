import { parseArgs } from 'node:util'
import { required } from '#kit/config.ts'
import { Database } from '#kit/database.ts'
import { bootstrap } from './bootstrap.ts'
import { constraints } from './schema.ts'

/**
 * Makes the platform's own tenant with its first operator, once after the installation, and prints the link with
 * which that person sets a password. Needs DATABASE_URL and PUBLIC_URL.
 *
 *   node services/identity/first-operator.ts --company operations --email ada@example.com --name 'Ada Lovelace'
 */
const { values } = parseArgs({
  options: {
    company: { type: 'string', default: 'operations' },
    email: { type: 'string' },
    name: { type: 'string' },
  },
})
if (!values.email || !values.name) throw new Error("Say who: --email ada@example.com --name 'Ada Lovelace'")
const database = new Database({ url: required(process.env, 'DATABASE_URL'), pool: 1, constraints })
try {
  const { invitation } = await bootstrap(
    database,
    { publicUrl: new URL(required(process.env, 'PUBLIC_URL')).origin },
    {
      slug: values.company,
      companyName: 'Operations',
      admin: { email: values.email, displayName: values.name },
      role: 'operator',
    },
  )
  process.stdout.write(`${invitation.url}\n`)
} finally {
  await database.close()
}
