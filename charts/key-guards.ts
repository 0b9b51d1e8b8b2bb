import { type Chart, JsonPatch } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import { keyRotation } from '../mesh/key-rotation.ts'
import { namespaces } from '../mesh/resource.ts'

/**
 * Manifests carry the keys of the day on which they were rendered. Were older ones applied, proxies would refuse tokens
 * that identity has just signed; so the API server refuses what would forget a key, whoever applies it and by whatever
 * tool. https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
export function keepKeys(chart: Chart, credentials: readonly string[]): void {
  const message =
    'a signing key that lives would be forgotten: render the manifests with the keys of this cluster (--jwks, see docs/deploy.md); only the key rotation removes keys'
  refuse(chart, 'staffmesh-signing-keys-sidecars', {
    who: `!= '${username}'`,
    resources: {
      apiGroups: ['security.istio.io'],
      apiVersions: ['*'],
      resources: ['requestauthentications'],
    },
    unless: [
      'oldObject.spec.jwtRules.all(before, !has(before.jwks) ||',
      `  before.jwks.findAll('"kid":"[^"]+"').all(kid,`,
      '    object.spec.jwtRules.exists(now, has(now.jwks) && now.jwks.contains(kid))))',
    ].join('\n'),
    message,
  })
  if (credentials.length > 0)
    refuse(chart, 'staffmesh-signing-keys-edge', {
      who: `!= '${username}'`,
      resources: {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['secrets'],
        resourceNames: [...credentials],
      },
      unless: 'object.data.key == oldObject.data.key',
      message,
    })
}

/** To have pods replaced is to change a Deployment, of which a Role can say no more. */
export function keepPods(chart: Chart, deployments: readonly string[]): void {
  refuse(chart, 'staffmesh-key-rotation', {
    who: `== '${username}'`,
    resources: {
      apiGroups: ['apps'],
      apiVersions: ['v1'],
      resources: ['deployments'],
      resourceNames: [...deployments],
    },
    unless:
      'object.spec.template.spec == oldObject.spec.template.spec && object.spec.replicas == oldObject.spec.replicas',
    message: 'the key rotation has pods replaced by others that are the same',
  })
}

const username = `system:serviceaccount:${namespaces.services}:${keyRotation}`

/** Has the API server refuse what somebody would change in our namespace, unless it is as it should be. */
function refuse(
  chart: Chart,
  name: string,
  policy: { who: string; resources: object; unless: string; message: string },
): void {
  const { who, resources, unless, message } = policy
  const made = new k8s.KubeValidatingAdmissionPolicy(chart, name, {
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: [{ ...resources, operations: ['UPDATE'] }] },
      matchConditions: [{ name: 'who', expression: `request.userInfo.username ${who}` }],
      validations: [{ expression: unless, message }],
    },
  })
  const binding = new k8s.KubeValidatingAdmissionPolicyBinding(chart, `${name}-binding`, {
    metadata: { name },
    spec: {
      policyName: name,
      validationActions: ['Deny'],
      matchResources: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespaces.services } },
      },
    },
  })
  // They stand above the namespaces.
  for (const object of [made, binding]) object.addJsonPatch(JsonPatch.remove('/metadata/namespace'))
}
