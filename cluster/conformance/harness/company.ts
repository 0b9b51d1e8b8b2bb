import { randomUUID } from 'node:crypto'
import { acceptInvitation } from '../../../local/seed/password.ts'
import { namespaces } from '../../../mesh/resource.ts'
import { logInByForm } from '../../../services/identity/fixtures/login.ts'
import { publicUrl } from './edge.ts'
import { apply, exec, kubectl, readyPods } from './kubernetes.ts'

export interface Account {
  company: string
  email: string
  password: string
}

export interface Company extends Account {
  tenant: string
  /** A fresh token of the first HR administrator. */
  token(): Promise<string>
}

const kept = { name: 'conformance-operator', namespace: 'default' }

/**
 * The first operator of the installation. There is one only, so its password is kept in the cluster for the next run.
 */
export async function operator(): Promise<Account> {
  const found = await kubectl([
    'get',
    'secret',
    kept.name,
    '--namespace',
    kept.namespace,
    '--output',
    'json',
  ]).catch(() => '')
  if (found) {
    const { data } = JSON.parse(found) as { data: { account: string } }
    return JSON.parse(Buffer.from(data.account, 'base64').toString()) as Account
  }
  const [pod] = await readyPods(namespaces.services, 'app.kubernetes.io/name=identity')
  const email = 'operator@example.com'
  const company = 'operations'
  const invitation = await exec(
    { name: pod!.metadata.name, namespace: namespaces.services, container: 'service' },
    ['node', 'first-operator.js', '--company', company, '--email', email, '--name', 'Conformance Operator'],
  )
  const password = await acceptInvitation(invitation.trim(), publicUrl)
  const account = { company, email, password }
  await apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: kept,
    stringData: { account: JSON.stringify(account) },
  })
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
