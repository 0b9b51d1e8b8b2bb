import { join } from 'node:path'
import { istiodValues } from '../../mesh/istio-values.ts'
import type { Binaries } from '../binaries/build.ts'
import { registry } from '../node/addresses.ts'
import { folders } from '../node/folders.ts'
import { run } from '../shell.ts'
import { versions } from '../versions.ts'

/**
 * What Istio must be told where Envoy is the stock one, which has none of Istio's own filters: no metadata exchange, no
 * ALPN filter, no istio_* metrics. With the ALPN filter goes protocol sniffing, so every port has to be named.
 */
const stockEnvoy = {
  pilot: {
    PILOT_ENABLE_METADATA_EXCHANGE: 'false',
    PILOT_ENABLE_ALPN_FILTER: 'false',
    PILOT_DISABLE_MX_ALPN: 'true',
  },
  proxy: { PEER_METADATA_DISCOVERY: 'false' },
}

/** What the product expects of Istio, for this node; everything else is Istio's minimal profile. */
const operator = () => ({
  apiVersion: 'install.istio.io/v1alpha1',
  kind: 'IstioOperator',
  spec: {
    profile: 'minimal',
    hub: `${registry.onNode}/istio`,
    tag: versions.istio,
    components: {
      cni: { enabled: true, namespace: 'istio-system' },
      // The operator's schema does not know extraContainerArgs, which the chart takes.
      pilot: { k8s: { overlays: istiodValues.pilot.extraContainerArgs.map(argumentOfIstiod) } },
    },
    meshConfig: {
      ...istiodValues.meshConfig,
      defaultConfig: { ...istiodValues.meshConfig.defaultConfig, proxyMetadata: stockEnvoy.proxy },
    },
    values: {
      telemetry: { enabled: false },
      pilot: {
        cni: istiodValues.pilot.cni,
        autoscaleEnabled: false,
        resources: { requests: { cpu: '50m', memory: '256Mi' } },
        env: { ...istiodValues.pilot.env, ...stockEnvoy.pilot },
      },
      cni: {
        cniBinDir: folders().cni.bin,
        cniConfDir: folders().cni.conf,
        excludeNamespaces: ['istio-system', 'kube-system'],
        resources: { requests: { cpu: '10m', memory: '32Mi' } },
      },
      global: { proxy: { resources: { requests: { cpu: '10m', memory: '48Mi' } } } },
    },
  },
})

const argumentOfIstiod = (value: string) => ({
  kind: 'Deployment',
  name: 'istiod',
  patches: [{ path: 'spec.template.spec.containers.[name:discovery].args.[-1]', value }],
})

/** Istio's objects as YAML. */
export const istioManifests = (binaries: Binaries) =>
  run(join(binaries.istio, 'istioctl'), ['manifest', 'generate', '--filename', '-'], {
    input: JSON.stringify(operator()),
  })
