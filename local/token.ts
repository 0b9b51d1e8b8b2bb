/** Prints an access token of a demo account of the running system, had by logging in as a person does. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { logInByForm } from '../services/identity/fixtures/login.ts'
import { openDataDir } from './data-dir.ts'
import type { Demo } from './seed/seed.ts'

const usage = `Usage: npm run -s token -- --as <operator|hr-admin|manager|employee> [--data-dir <folder>]`

async function main(): Promise<string> {
  const { values } = parseArgs({ options: { as: { type: 'string' }, 'data-dir': { type: 'string' } } })
  if (!values.as) throw new Error(usage)
  const dataDir = await openDataDir(values['data-dir'])
  const { url } = await read<{ url: string }>(join(dataDir, 'running.json'), 'Nothing runs: npm start')
  const demo = await read<Demo>(
    join(dataDir, 'demo.json'),
    'There are no demo accounts: npm start -- --fresh',
  )
  const account = demo.accounts.find(({ role }) => role === values.as)
  if (!account) throw new Error(usage)
  const { access_token } = await logInByForm(url, account)
  return access_token
}

async function read<T>(file: string, remedy: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T
  } catch (cause) {
    throw new Error(`${remedy} (${file} cannot be read)`, { cause })
  }
}

try {
  process.stdout.write(`${await main()}\n`)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
