import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../shell.ts'
import { addresses, clusterDomain, contextName, nodeName, ports } from './addresses.ts'
import { folders } from './folders.ts'

interface Subject {
  name: string
  /** Common name is the user, organization the group (Kubernetes' X.509 client certificates). */
  user: string
  group?: string
  alternatives?: string
}

const subjects: readonly Subject[] = [
  {
    name: 'kube-apiserver',
    user: 'kube-apiserver',
    alternatives: [
      `IP:${addresses.node}`,
      `IP:${addresses.kubernetes}`,
      'IP:127.0.0.1',
      'DNS:kubernetes',
      'DNS:kubernetes.default',
      'DNS:kubernetes.default.svc',
      `DNS:kubernetes.default.svc.${clusterDomain}`,
    ].join(','),
  },
  { name: 'kubelet-client', user: 'kube-apiserver-kubelet-client', group: 'system:masters' },
  { name: 'admin', user: 'admin', group: 'system:masters' },
  { name: 'controller-manager', user: 'system:kube-controller-manager' },
  { name: 'scheduler', user: 'system:kube-scheduler' },
  { name: 'proxy', user: 'system:kube-proxy' },
  { name: 'kubelet', user: `system:node:${nodeName}`, group: 'system:nodes' },
]

export const inPki = (file: string) => join(folders().pki, file)
export const kubeconfigOf = (name: string) =>
  name === 'admin' ? folders().kubeconfig : inPki(`${name}.kubeconfig`)

/** One authority, and a certificate for each that needs one; made once a node. */
export async function makeCertificates(): Promise<void> {
  const done = inPki('complete')
  if (
    await access(done).then(
      () => true,
      () => false,
    )
  )
    return
  await mkdir(folders().pki, { recursive: true, mode: 0o700 })
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folders().pki })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '3650',
    '-subj',
    '/CN=staffmesh',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  )
  await openssl(
    'genpkey',
    '-algorithm',
    'RSA',
    '-pkeyopt',
    'rsa_keygen_bits:2048',
    '-out',
    'service-account.key',
  )
  for (const { name, user, group, alternatives } of subjects) {
    await openssl(
      ...['req', '-x509', ...key, '-days', '3650', '-CA', 'ca.crt', '-CAkey', 'ca.key'],
      ...[
        '-subj',
        `${group ? `/O=${group}` : ''}/CN=${user}`,
        '-addext',
        'basicConstraints=critical,CA:false',
      ],
      ...['-addext', 'keyUsage=digitalSignature', '-addext', 'extendedKeyUsage=serverAuth,clientAuth'],
      ...(alternatives ? ['-addext', `subjectAltName=${alternatives}`] : []),
      ...['-keyout', `${name}.key`, '-out', `${name}.crt`],
    )
    if (name !== 'kube-apiserver' && name !== 'kubelet-client') await writeKubeconfig(name)
  }
  await writeFile(done, '')
}

async function writeKubeconfig(name: string): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': contextName,
    clusters: [
      {
        name: 'staffmesh',
        cluster: {
          server: `https://${addresses.node}:${ports.kubernetes}`,
          'certificate-authority': inPki('ca.crt'),
        },
      },
    ],
    users: [
      { name, user: { 'client-certificate': inPki(`${name}.crt`), 'client-key': inPki(`${name}.key`) } },
    ],
    contexts: [{ name: contextName, context: { cluster: 'staffmesh', user: name } }],
  }
  await writeFile(kubeconfigOf(name), JSON.stringify(config, null, 2), { mode: 0o600 })
}
