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

const certificateEnds = alert('ticket', 'EdgeCertificateNotRenewed', {
  // Renewed when a third of its time is left, 30 of 90 days.
  expr: `certmanager_certificate_expiration_timestamp_seconds{${matcher('namespace', namespaces.edge)}} - time() < 14 * 86400`,
  for: '1h',
  summary: 'The certificate of the edge ends in {{ $value | humanizeDuration }} and is not renewed',
})
