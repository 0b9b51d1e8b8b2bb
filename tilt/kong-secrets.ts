import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kubectl } from '../cluster/platform/secrets.ts'
import { run } from '../cluster/shell.ts'
import { adminSecrets } from '../mesh/edge/certificate.ts'
import { namespaces } from '../mesh/resource.ts'

/** An authority and a client that it vouches for, by which Kong knows its controller; see mesh/README.md. */
export async function makeKongSecrets(kubectl: Kubectl): Promise<void> {
  const inEdge = ['--namespace', namespaces.edge]
  const found = await kubectl([
    ...['get', 'secret', adminSecrets.client, ...inEdge],
    ...['--ignore-not-found', '--output', 'name'],
  ])
  if (found) return
  const items = await kongCertificates()
  await kubectl(
    ['apply', ...inEdge, '--filename', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  )
}

export async function kongCertificates(): Promise<object[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-'))
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const secret = async (name: string, file: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name },
    stringData: {
      'tls.crt': await readFile(join(folder, `${file}.crt`), 'utf8'),
      'tls.key': await readFile(join(folder, `${file}.key`), 'utf8'),
    },
  })
  try {
    await openssl(
      ...['req', '-x509', ...key, '-days', '3650', '-subj', `/CN=${adminSecrets.authority}`],
      ...['-keyout', 'ca.key', '-out', 'ca.crt'],
    )
    await openssl(
      ...[
        'req',
        ...key,
        '-subj',
        '/CN=kong-ingress-controller',
        '-keyout',
        'client.key',
        '-out',
        'client.csr',
      ],
    )
    await openssl(
      ...['x509', '-req', '-in', 'client.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '3650', '-out', 'client.crt'],
    )
    return [await secret(adminSecrets.authority, 'ca'), await secret(adminSecrets.client, 'client')]
  } finally {
    await rm(folder, { recursive: true })
  }
}
