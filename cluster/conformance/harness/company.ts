import { randomUUID } from 'node:crypto'
import { acceptInvitation } from '../../../local/seed/password.ts'
import { namespaces } from '../../../mesh/resource.ts'
import { logInByForm } from '../../../services/identity/fixtures/login.ts'
import { type Account, keepOperator, keptOperator } from '../../platform/operator.ts'
import { publicUrl } from './edge.ts'
import { exec, kubectl, readyPods } from './kubernetes.ts'

export interface Company extends Account {
  tenant: string
  /** A fresh token of the first HR administrator. */
  token(): Promise<string>
}

/** The first operator of the installation. */
export async function operator(): Promise<Account> {
  const kept = await keptOperator(kubectl)
  if (kept) return kept
  const [pod] = await readyPods(namespaces.services, 'app.kubernetes.io/name=identity')
  // From sources where `tilt up` runs them, else beside the bundle.
  const [container] = pod!.spec.containers
  const program = container.command?.at(-1).replace('main.ts', 'first-operator.ts') ?? 'first-operator.js'
  const email = 'operator@example.com'
  const company = 'operations'
  const invitation = await exec(
    { name: pod!.metadata.name, namespace: namespaces.services, container: 'service' },
    ['node', program, '--company', company, '--email', email, '--name', 'Conformance Operator'],
  )
  const password = await acceptInvitation(invitation.trim(), publicUrl)
  const account = { company, email, password }
  await keepOperator(kubectl, account)
  return account
}

interface Login {
  token: string
  until: number
}

const logins = new Map<string, Promise<Login>>()

/** An access token, logged in for anew when the last is half spent; who asks meanwhile waits for the same login. */
export async function tokenOf(account: Account): Promise<string> {
  const key = `${account.company}/${account.email}`
  const last = logins.get(key)
  const known = await last
  if (known && known.until > Date.now()) return known.token
  // Another may have begun while this one waited.
  const login = logins.get(key) === last ? logIn(account) : logins.get(key)!
  logins.set(key, login)
  login.catch(() => logins.delete(key))
  return (await login).token
}

async function logIn(account: Account): Promise<Login> {
  const { access_token: token, expires_in } = await logInByForm(publicUrl, account)
  return { token, until: Date.now() + expires_in * 500 }
}

/** A new company with its first HR administrator, made as an operator makes one: through the edge. */
export async function newCompany(): Promise<Company> {
  const slug = `mesh-${randomUUID().slice(0, 8)}`
  const email = `hr@${slug}.example.com`
  const response = await fetch(`${publicUrl}/v1/tenants`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await tokenOf(await operator())}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify({ slug, companyName: slug, firstAdmin: { email, displayName: 'Harriet Ng' } }),
  })
  if (response.status !== 201)
    throw new Error(`POST /v1/tenants answered ${response.status}: ${await response.text()}`)
  const { id, firstAdmin } = (await response.json()) as {
    id: string
    firstAdmin: { invitation: { url: string } }
  }
  const password = await acceptInvitation(firstAdmin.invitation.url, publicUrl)
  const account = { company: slug, email, password }
  return { ...account, tenant: id, token: () => tokenOf(account) }
}
