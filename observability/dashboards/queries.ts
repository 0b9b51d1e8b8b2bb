import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'

/** The panels of a dashboard, without the titles of its rows. */
export const panelsOf = ({ panels = [] }: Pick<Dashboard, 'panels'>): Panel[] =>
  panels.filter((panel) => panel.type !== 'row') as Panel[]

/** All ours ask Prometheus. */
export const queriesOf = ({ targets = [] }: Panel) => targets as Dataquery[]
