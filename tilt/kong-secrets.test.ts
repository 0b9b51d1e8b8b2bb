import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { adminSecrets } from '../mesh/edge/certificate.ts'
import { kongCertificates } from './kong-secrets.ts'

it('makes an authority for Kong, and a client that it vouches for', async () => {
  const secrets = (await kongCertificates()) as {
    type: string
    metadata: { name: string }
    stringData: { 'tls.crt': string; 'tls.key': string }
  }[]
  const [authority, client] = [adminSecrets.authority, adminSecrets.client].map((name) => {
    const { stringData } = secrets.find(({ metadata }) => metadata.name === name)!
    return new X509Certificate(stringData['tls.crt'])
  })
  expect(client!.verify(authority!.publicKey)).toBe(true)
  expect(authority!.ca).toBe(true)
  expect(secrets.map(({ type }) => type)).toEqual(['kubernetes.io/tls', 'kubernetes.io/tls'])
})
