import { ApiObject, Chart, JsonPatch } from 'cdk8s'
import type { Construct } from 'constructs'
import type { Resource } from '../mesh/resource.ts'

/** The traffic policies of one concern, as `mesh/` renders them. */
export class MeshChart extends Chart {
  constructor(scope: Construct, id: string, resources: readonly Resource[]) {
    super(scope, id, { disableResourceNameHashes: true })
    for (const { apiVersion, kind, metadata, spec } of resources)
      new ApiObject(this, `${kind}-${metadata.namespace}-${metadata.name}`, {
        apiVersion,
        kind,
        metadata,
      }).addJsonPatch(JsonPatch.add('/spec', spec))
  }
}
