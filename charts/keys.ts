import { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import type { Service } from '#kit/service.ts'
import { restrictedContainer, restrictedPod } from '../cdk8s/constructs/restricted.ts'
import { type Environment, imageOf, publicUrlOf } from '../cdk8s/environments.ts'
import { type EdgeAddress, hostOf, keyRotation } from '../mesh/key-rotation.ts'
import { namespaces } from '../mesh/resource.ts'
import { keepKeys, keepPods } from './key-guards.ts'
import { filesSecret } from './service.ts'

export interface KeyRotationProps {
  environment: Environment
  /** The service whose pods sign tokens, and the Deployments that these belong to. */
  signer: Service
  deployments: readonly string[]
  /** All whose sidecars check tokens. */
  services: readonly Service[]
  edge: EdgeAddress & {
    /** A path that demands a token. */
    path: string
    /** The Secret with its certificate, where it speaks TLS. */
    certificate?: string
    /** The Secrets with its credentials, one a signing key. */
    credentials: readonly string[]
  }
}

/** Without a schedule the CronJob is suspended and stands there to make Jobs from by hand; it must name one all the same. */
const noSchedule = '0 0 1 1 *'

/**
 * The Job that rotates the signing keys, with the only ServiceAccount that may ask the API server for anything, and the
 * rules that nobody else makes proxies forget a key (key-guards.ts).
 */
export class KeyRotationChart extends Chart {
  constructor(scope: Construct, id: string, props: KeyRotationProps) {
    super(scope, id, { namespace: namespaces.services, disableResourceNameHashes: true })
    const { environment } = props
    new k8s.KubeServiceAccount(this, 'account', {
      metadata: { name: keyRotation },
      automountServiceAccountToken: false,
    })
    rights(this, props)
    new k8s.KubeCronJob(this, 'job', {
      metadata: { name: keyRotation, labels },
      spec: {
        schedule: environment.keyRotation ?? noSchedule,
        timeZone: 'Etc/UTC',
        suspend: environment.keyRotation === undefined,
        concurrencyPolicy: 'Forbid',
        // One that was missed, e.g. in an outage, is caught up within a day.
        startingDeadlineSeconds: 24 * 3600,
        jobTemplate: {
          spec: {
            backoffLimit: 6,
            // Twenty minutes are usual. What is left over the next Job ends.
            activeDeadlineSeconds: 2 * 3600,
            template: { metadata: { labels }, spec: pod(props) },
          },
        },
      },
    })
    keepKeys(this, props.edge.credentials)
    keepPods(this, props.deployments)
  }
}

const labels = {
  'app.kubernetes.io/name': keyRotation,
  'app.kubernetes.io/part-of': keyRotation,
  'app.kubernetes.io/component': 'key-rotation',
}

/** Reads and changes objects that are named one by one; it makes, lists and deletes nothing. */
function rights(chart: Chart, { signer, deployments, services, edge }: KeyRotationProps): void {
  const verbs = ['get', 'patch']
  new k8s.KubeRole(chart, 'role', {
    metadata: { name: keyRotation },
    rules: [
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: [filesSecret(signer.name), ...edge.credentials],
        verbs,
      },
      {
        apiGroups: ['security.istio.io'],
        resources: ['requestauthentications'],
        resourceNames: services.map(({ name }) => name),
        verbs,
      },
      // To have its pods replaced.
      { apiGroups: ['apps'], resources: ['deployments'], resourceNames: [...deployments], verbs },
    ],
  })
  new k8s.KubeRoleBinding(chart, 'binding', {
    metadata: { name: keyRotation },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: keyRotation },
    subjects: [{ kind: 'ServiceAccount', name: keyRotation, namespace: namespaces.services }],
  })
}

const certificateFolder = '/etc/staffmesh/edge'

function pod({ environment, signer, deployments, services, edge }: KeyRotationProps): k8s.PodSpec {
  const { certificate } = edge
  const variables = {
    NAMESPACE: namespaces.services,
    PUBLIC_URL: publicUrlOf(environment),
    SIGNING_KEYS_SECRET: filesSecret(signer.name),
    DEPLOYMENTS: deployments.join(),
    SERVICES: services.map(({ name }) => name).join(),
    EDGE_URL: `${edge.https ? 'https' : 'http'}://${hostOf(edge)}`,
    EDGE_PROBE_PATH: edge.path,
    ...(edge.credentials.length > 0 ? { EDGE_CREDENTIALS: edge.credentials.join() } : {}),
    ...(certificate ? { EDGE_CERTIFICATE: `${certificateFolder}/tls.crt` } : {}),
  }
  return {
    ...restrictedPod,
    automountServiceAccountToken: true,
    serviceAccountName: keyRotation,
    // Each try is a pod of its own, whose log stays.
    restartPolicy: 'Never',
    containers: [
      {
        ...restrictedContainer,
        name: 'key-rotation',
        image: imageOf(environment, signer.name),
        args: ['rotate'],
        env: [
          ...Object.entries(variables).map(([name, value]) => ({ name, value })),
          {
            name: 'JOB',
            valueFrom: {
              fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']" },
            },
          },
        ],
        resources: {
          requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('96Mi') },
          limits: { memory: k8s.Quantity.fromString('192Mi') },
        },
        ...(certificate
          ? { volumeMounts: [{ name: 'edge-certificate', mountPath: certificateFolder, readOnly: true }] }
          : {}),
      },
    ],
    ...(certificate
      ? {
          volumes: [
            {
              name: 'edge-certificate',
              secret: { secretName: certificate, items: [{ key: 'tls.crt', path: 'tls.crt' }] },
            },
          ],
        }
      : {}),
  }
}
