import { namespaces } from '../../mesh/resource.ts'
import type { Kubectl } from './secrets.ts'

export interface Account {
  company: string
  email: string
  password: string
}

/** Gone with the product. */
const secret = { name: 'first-operator', namespace: namespaces.services }

/** There is one first operator only, so whoever makes it keeps its password in the cluster for others. */
export const keepOperator = (kubectl: Kubectl, { company, email, password }: Account) =>
  kubectl(
    ['apply', '--filename', '-'],
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: secret,
      stringData: { account: JSON.stringify({ company, email, password }) },
    }),
  )

/** With the databases goes whoever was in them. */
export const forgetOperator = (kubectl: Kubectl) =>
  kubectl(['delete', 'secret', secret.name, '--namespace', secret.namespace, '--ignore-not-found'])

export async function keptOperator(kubectl: Kubectl): Promise<Account | undefined> {
  const found = await kubectl([
    ...['get', 'secret', secret.name, '--namespace', secret.namespace],
    ...['--ignore-not-found', '--output', 'jsonpath={.data.account}'],
  ])
  return found ? (JSON.parse(Buffer.from(found, 'base64').toString()) as Account) : undefined
}
