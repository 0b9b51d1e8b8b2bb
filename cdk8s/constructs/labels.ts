/** The recommended labels: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */
export const labelsOf = (
  service: string,
  component: 'server' | 'worker' | 'migration' | 'database' = 'server',
) => ({
  'app.kubernetes.io/name': component === 'server' ? service : `${service}-${component}`,
  'app.kubernetes.io/part-of': service,
  'app.kubernetes.io/component': component,
})
