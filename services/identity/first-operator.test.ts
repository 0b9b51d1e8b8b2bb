import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '#kit/testing.ts'
import { acceptInvitation } from './invitations.ts'
import { migrations } from './schema.ts'

const run = promisify(execFile)
let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ service: 'identity', migrations })
})
afterAll(() => db.close())

const make = () =>
  run(
    process.execPath,
    ['services/identity/first-operator.ts', '--email', 'Ada@Example.com', '--name', 'Ada Lovelace'],
    { env: { ...process.env, DATABASE_URL: db.urls.app, PUBLIC_URL: 'https://hr.example.com' } },
  )

// Starts two processes, which takes a while on a busy machine.
it('makes the first operator once, and prints the link for the password', async () => {
  const url = new URL((await make()).stdout.trim())
  expect(url.href).toMatch(/^https:\/\/hr\.example\.com\/oidc\/invitation\?token=/)
  const accepted = await acceptInvitation(
    db.database,
    url.searchParams.get('token')!,
    'a sentence nobody guesses',
  )
  expect(accepted).toEqual({ ok: true, slug: 'operations', email: 'ada@example.com' })
  expect(await db.sudo('select role, reach from role_assignment')).toEqual([
    { role: 'operator', reach: 'all' },
  ])
  await expect(make()).rejects.toThrow('tenant-slug-taken')
}, 60_000)
