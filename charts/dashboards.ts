import { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import type { Service } from '#kit/service.ts'
import { namespaces } from '../mesh/resource.ts'
import { product } from '../observability/dashboards/dashboard.ts'
import { dashboardsOf } from '../observability/dashboards/index.ts'

/**
 * Grafana's dashboards, a ConfigMap each, by the label and the annotation that the sidecar of its Helm chart looks for.
 * https://github.com/grafana/helm-charts/tree/main/charts/grafana#sidecar-for-dashboards
 */
export class DashboardsChart extends Chart {
  constructor(scope: Construct, id: string, services: readonly Service[]) {
    super(scope, id, { namespace: namespaces.observability, disableResourceNameHashes: true })
    for (const dashboard of dashboardsOf(services))
      new k8s.KubeConfigMap(this, dashboard.uid, {
        metadata: {
          name: `dashboard-${dashboard.uid}`,
          labels: { grafana_dashboard: '1' },
          annotations: { grafana_folder: product },
        },
        data: { [`${dashboard.uid}.json`]: JSON.stringify(dashboard, null, 2) },
      })
  }
}
