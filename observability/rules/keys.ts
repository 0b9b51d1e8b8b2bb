import { certificateNames } from '../../mesh/edge/certificate.ts'
import { keyRotation } from '../../mesh/key-rotation.ts'
import { namespaces } from '../../mesh/resource.ts'
import { matcher } from '../names.ts'
import { type Alert, alert, evaluated, type Group } from './rule.ts'

/** What of a cluster changes keys by itself. */
export interface Renewals {
  /** The signing keys' Job is scheduled. */
  signingKeys: boolean
  /** cert-manager keeps the certificate of the edge. */
  edgeCertificate: boolean
}

/** Keys that are changed by the clock. What tells of it are kube-state-metrics and cert-manager. */
export function keys({ signingKeys, edgeCertificate }: Renewals): Group[] {
  const rules: Alert[] = [
    ...(signingKeys ? [rotationFailed] : []),
    ...(edgeCertificate ? [certificateEnds] : []),
  ]
  return rules.length > 0 ? [{ name: 'keys', interval: `${evaluated}s`, rules }] : []
}

const rotationFailed = alert('ticket', 'KeyRotationFailed', {
  expr: `kube_job_failed{${[
    matcher('namespace', namespaces.services),
    `job_name=~"${keyRotation}-.+"`,
    matcher('condition', 'true'),
  ].join(',')}} == 1`,
  summary: '{{ $labels.job_name }} gave up: tokens are signed with a key that should have been replaced',
})

/**
 * The namespace of a Certificate is in `namespace` only where Prometheus honours the labels of whom it asks, which
 * cert-manager's own ServiceMonitor leaves out; else that is where cert-manager runs.
 */
const certificateEnd = ['namespace', 'exported_namespace']
  .map((namespace) =>
    [matcher('name', certificateNames), matcher(namespace, [namespaces.services, namespaces.edge])].join(','),
  )
  .map((labels) => `certmanager_certificate_expiration_timestamp_seconds{${labels}}`)
  .join(' or ')

const certificateEnds = alert('ticket', 'EdgeCertificateNotRenewed', {
  // Renewed when a third of its time is left, 30 of 90 days.
  expr: `min by (name) (${certificateEnd}) - time() < 14 * 86400`,
  for: '1h',
  summary: 'The certificate {{ $labels.name }} ends in {{ $value | humanizeDuration }} and is not renewed',
})
