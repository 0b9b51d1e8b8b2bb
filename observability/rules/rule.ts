/** Rules as Prometheus reads them: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/ */
export interface Recording {
  record: string
  expr: string
  labels?: Readonly<Record<string, string>>
}

/** `page`: somebody is called now. `ticket`: somebody looks on the next working day. */
export type Severity = 'page' | 'ticket'

export interface Alert {
  alert: string
  expr: string
  for?: string
  labels: { severity: Severity } & Readonly<Record<string, string>>
  annotations: { summary: string; runbook_url: string }
}

export interface Group {
  name: string
  interval: string
  rules: (Recording | Alert)[]
}

/** Seconds between evaluations, of all but what moves slowly. */
export const evaluated = 60

/** Where docs/runbooks/ is read. */
export const runbooks = 'https://staffmesh.dev/docs/runbooks'

interface About {
  expr: string
  /** How long it must hold. */
  for?: string
  /** What the expression itself cannot say, since it finds that something is missing. */
  labels?: Readonly<Record<string, string>>
  /** One line; may hold `{{ $labels.… }}` and `{{ $value }}`. */
  summary: string
}

/** An alert with its runbook, docs/runbooks/<alert>.md. */
export const alert = (severity: Severity, name: string, about: About): Alert => ({
  alert: name,
  expr: about.expr,
  ...(about.for ? { for: about.for } : {}),
  labels: { severity, ...about.labels },
  annotations: { summary: about.summary, runbook_url: `${runbooks}/${name}.md` },
})

export const isAlert = (rule: Recording | Alert): rule is Alert => 'alert' in rule
