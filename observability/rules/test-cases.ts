import { withinLatency } from '#kit/service.ts'
import { leaveService } from '../../services/leave/service.ts'
import type { Severity } from './rule.ts'
import { counter, gauge, type Series } from './test-series.ts'

/** What was scraped for so many minutes, at the end of which it is asked whether the alert fires. */
interface Story {
  minutes: number
  scraped: readonly Series[]
}

/** Metric names and labels are written out, as they are seen in Prometheus: were they derived, nothing would be proven. */
interface Case {
  /** Labels of the alert that fires, beside its name and severity. */
  labels: Readonly<Record<string, string>>
  fires: Readonly<Record<string, Story>>
  quiet: Readonly<Record<string, Story>>
}

interface While {
  minutes: number
  perMinute: number
  /** Share of them that does not go well. */
  bad?: number
}

const long = (whiles: readonly While[]) => whiles.reduce((sum, { minutes }) => sum + minutes, 0)
const all = ({ minutes, perMinute }: While) => [minutes, perMinute] as const
const good = ({ minutes, perMinute, bad = 0 }: While) => [minutes, perMinute * (1 - bad)] as const
const bad = ({ minutes, perMinute, bad = 0 }: While) => [minutes, perMinute * bad] as const

const served = 'http_server_request_duration_seconds'
const outbound = 'cluster_name="outbound|8080|stable|leave.staffmesh.svc.cluster.local"'
const answered = `envoy_cluster_upstream_rq{${outbound}`

const promises = {
  AvailabilityBudgetBurn: {
    slo: 'availability',
    target: leaveService.slo.availability,
    scraped: (whiles: readonly While[]) => [
      counter(`${served}_count{service_name="leave",staffmesh_kind="query"}`, ...whiles.map(good)),
      counter(
        `${served}_count{service_name="leave",staffmesh_kind="query",error_type="unavailable"}`,
        ...whiles.map(bad),
      ),
    ],
  },
  ReachabilityBudgetBurn: {
    slo: 'reachability',
    target: leaveService.slo.availability,
    scraped: (whiles: readonly While[]) => [
      counter(`${answered},response_code_class="2xx"}`, ...whiles.map(good)),
      counter(`${answered},response_code="200"}`, ...whiles.map(good)),
      counter(`${answered},response_code_class="5xx"}`, ...whiles.map(bad)),
      counter(`${answered},response_code="503"}`, ...whiles.map(bad)),
    ],
  },
  LatencyBudgetBurn: {
    slo: 'query-latency',
    target: withinLatency,
    scraped: (whiles: readonly While[]) => [
      counter(`${served}_count{service_name="leave",staffmesh_kind="query"}`, ...whiles.map(all)),
      counter(
        `${served}_bucket{service_name="leave",staffmesh_kind="query",le="${leaveService.slo.latency.query / 1000}"}`,
        ...whiles.map(good),
      ),
    ],
  },
}

const burns = Object.fromEntries(
  Object.entries(promises).map(([alert, { slo, target, scraped }]) => {
    const story = (...whiles: readonly While[]): Story => ({
      minutes: long(whiles),
      scraped: scraped(whiles),
    })
    // Without what a computer makes of 1 - 0.99.
    const budget = Number((1 - target).toFixed(6))
    const labels = { service_name: 'leave', slo }
    const perMinute = 600
    return [
      alert,
      {
        page: {
          labels,
          fires: {
            'a hundred times too many, for thirteen minutes': story(
              { minutes: 180, perMinute },
              { minutes: 13, perMinute, bad: 100 * budget },
            ),
            'eight times too many, all the time': story({ minutes: 60, perMinute, bad: 8 * budget }),
          },
          quiet: {
            'five times too many': story({ minutes: 120, perMinute, bad: 5 * budget }),
            'over for half an hour': story(
              { minutes: 250, perMinute },
              { minutes: 15, perMinute, bad: 100 * budget },
              { minutes: 35, perMinute },
            ),
            'two of few at night': story(
              { minutes: 120, perMinute: 0.2 },
              { minutes: 10, perMinute: 0.2, bad: 1 },
            ),
          },
        },
        ticket: {
          labels,
          fires: {
            'five times too many, for half of the time': story(
              { minutes: 100, perMinute },
              { minutes: 100, perMinute, bad: 5 * budget },
            ),
          },
          quiet: {
            'nine tenths of what may be': story({ minutes: 120, perMinute, bad: 0.9 * budget }),
            'over for hours': story({ minutes: 60, perMinute, bad: 5 * budget }, { minutes: 380, perMinute }),
          },
        },
      },
    ]
  }),
)

/** Of a counter of what is lost, which should stand still. */
const grows = (lost: string): Pick<Case, 'fires' | 'quiet'> => ({
  fires: { 'for a quarter of an hour': { minutes: 25, scraped: [counter(lost, [10, 0], [15, 60])] } },
  quiet: { 'for three minutes': { minutes: 25, scraped: [counter(lost, [10, 0], [3, 60], [12, 0])] } },
})

const replicas = (subset: string) =>
  `envoy_cluster_membership_healthy{workload="workforce",cluster_name="outbound|8080|${subset}|leave.staffmesh.svc.cluster.local"}`
const ejected = `envoy_cluster_outlier_detection_ejections_active{workload="workforce",${outbound}}`
const reads =
  'http_client_request_duration_seconds_count{service_name="lifecycle-worker",server_address="leave",staffmesh_operation="events"'
const violations = (pod: string) =>
  `staffmesh_ledger_violations_total{service_name="leave-worker",staffmesh_invariant="balance",service_instance_id="${pod}"}`
const collector = (...phases: Parameters<typeof gauge>[1][]) =>
  gauge('up{job="otel-collector",instance="a"}', ...phases)
const done =
  'staffmesh_job_duration_seconds_count{service_name="leave-worker",staffmesh_job="expire-idempotency"}'
const hours = (count: number) =>
  Array.from(
    { length: count },
    () =>
      [
        [59, 0],
        [1, 1],
      ] as const,
  ).flat()
const certificate =
  'istio_agent_cert_expiry_seconds{namespace="staffmesh",workload="leave",instance="10.0.0.1:15020",resource_name="default"}'
const day = 86_400

/** So many a minute, of which a share is not over when the bucket ends. */
const slow = (metric: string, labels: string, le: string, minutes: number, share: number): Story => ({
  minutes,
  scraped: [
    counter(`${metric}_count{${labels}}`, [minutes, 60]),
    counter(`${metric}_bucket{${labels},le="${le}"}`, [minutes, 60 * (1 - share)]),
  ],
})

/** Answers to callers of leave, of which some are told apart. */
const some = (series: string, minutes: number, share: number): Story => ({
  minutes,
  scraped: [
    counter(`${answered},response_code_class="2xx"}`, [minutes, 600]),
    counter(series, [minutes, 600 * share]),
  ],
})
const retries = (minutes: number, share: number): Story => {
  const { scraped } = some(`envoy_cluster_upstream_rq_retry_limit_exceeded{${outbound}}`, minutes, share)
  return {
    minutes,
    scraped: [...scraped, counter(`envoy_cluster_upstream_rq_retry_overflow{${outbound}}`, [minutes, 0])],
  }
}

const service = { service_name: 'leave' }

/** By alert and severity: when it must fire, and when it must not. */
export const cases: Readonly<Record<string, Partial<Record<Severity, Case>>>> = {
  ...burns,
  PoolWait: {
    ticket: {
      labels: service,
      fires: {
        'one of ten waits': slow(
          'db_client_connection_wait_time_seconds',
          'service_name="leave"',
          '0.1',
          15,
          0.1,
        ),
      },
      quiet: {
        'two of a hundred wait': slow(
          'db_client_connection_wait_time_seconds',
          'service_name="leave"',
          '0.1',
          60,
          0.02,
        ),
      },
    },
  },
  JobLag: {
    ticket: {
      labels: { service_name: 'leave-worker' },
      fires: {
        'one of five is late': slow(
          'staffmesh_job_lag_seconds',
          'service_name="leave-worker"',
          '60',
          15,
          0.2,
        ),
      },
      quiet: {
        'one of twenty is late': slow(
          'staffmesh_job_lag_seconds',
          'service_name="leave-worker"',
          '60',
          60,
          0.05,
        ),
      },
    },
  },
  JobFailing: {
    ticket: {
      labels: { service_name: 'leave-worker', staffmesh_job: 'accrue' },
      fires: {
        'three of four tries fail': {
          minutes: 20,
          scraped: [
            counter(
              'staffmesh_job_duration_seconds_count{service_name="leave-worker",staffmesh_job="accrue"}',
              [20, 1],
            ),
            counter(
              'staffmesh_job_duration_seconds_count{service_name="leave-worker",staffmesh_job="accrue",error_type="23505"}',
              [20, 3],
            ),
          ],
        },
      },
      quiet: {
        'one of four tries fails': {
          minutes: 60,
          scraped: [
            counter(
              'staffmesh_job_duration_seconds_count{service_name="leave-worker",staffmesh_job="accrue"}',
              [60, 3],
            ),
            counter(
              'staffmesh_job_duration_seconds_count{service_name="leave-worker",staffmesh_job="accrue",error_type="23505"}',
              [60, 1],
            ),
          ],
        },
      },
    },
  },
  FeedLag: {
    ticket: {
      labels: { service_name: 'lifecycle-worker', staffmesh_feed: 'leave' },
      fires: {
        'four of five pages are late': slow(
          'staffmesh_feed_lag_seconds',
          'service_name="lifecycle-worker",staffmesh_feed="leave"',
          '60',
          15,
          0.8,
        ),
      },
      quiet: {
        'one of five pages is late': slow(
          'staffmesh_feed_lag_seconds',
          'service_name="lifecycle-worker",staffmesh_feed="leave"',
          '60',
          60,
          0.2,
        ),
      },
    },
  },
  LedgerBroken: {
    page: {
      labels: { service_name: 'leave-worker', staffmesh_invariant: 'balance' },
      fires: {
        'an account was found': {
          minutes: 10,
          scraped: [gauge(violations('a'), [5, 0], [5, 1]), gauge(violations('b'), [10, 0])],
        },
        'one was found a day ago, with which its process ended': {
          minutes: 25 * 60,
          scraped: [gauge(violations('a'), [2, 1]), gauge(violations('b'), [2, 'gone'], [25 * 60 - 2, 0])],
        },
      },
      quiet: {
        'nothing was found': { minutes: 60, scraped: [gauge(violations('a'), [60, 0])] },
        'nothing was found on the next day': {
          minutes: 28 * 60,
          scraped: [gauge(violations('a'), [60, 1]), gauge(violations('b'), [60, 'gone'], [27 * 60, 0])],
        },
      },
    },
  },
  WorkerIdle: {
    ticket: {
      labels: { service_name: 'leave-worker' },
      fires: {
        'a job each hour, then none': {
          minutes: 8 * 60,
          scraped: [counter(done, ...hours(4), [4 * 60, 0]), collector([8 * 60, 1])],
        },
        'a job each hour, then the process is gone': {
          minutes: 8 * 60,
          scraped: [counter(done, ...hours(4)), collector([8 * 60, 1])],
        },
      },
      quiet: {
        'a job each hour': {
          minutes: 8 * 60,
          scraped: [counter(done, ...hours(8)), collector([8 * 60, 1])],
        },
        'a job each hour, each in a new pod': {
          minutes: 8 * 60,
          scraped: [
            ...Array.from({ length: 8 }, (_, hour) =>
              gauge(
                done.replace('}', `,service_instance_id="${hour}"}`),
                ...(hour > 0 ? [[60 * hour, 'gone'] as const] : []),
                [60, 1],
              ),
            ),
            collector([8 * 60, 1]),
          ],
        },
        'it has just begun': {
          minutes: 4 * 60,
          scraped: [gauge(done, [60, 'gone'], [60, 1], [60, 2], [60, 3]), collector([4 * 60, 1])],
        },
        'nothing is heard, for no collector answers': {
          minutes: 8 * 60,
          scraped: [counter(done, ...hours(4)), collector([4 * 60, 1], [4 * 60, 0])],
        },
        'nothing was heard until an hour ago': {
          minutes: 8 * 60,
          scraped: [
            gauge(done, [3 * 60, 3], [4 * 60, 'gone'], [60, 7]),
            collector([3 * 60, 1], [4 * 60, 0], [60, 1]),
          ],
        },
      },
    },
  },
  FeedUnread: {
    page: {
      labels: { service_name: 'lifecycle-worker', staffmesh_feed: 'leave' },
      fires: {
        'reads fail for twelve minutes': {
          minutes: 72,
          scraped: [
            counter(`${reads}}`, [60, 3], [12, 0]),
            counter(`${reads},error_type="unavailable"}`, [60, 0], [12, 60]),
            collector([72, 1]),
          ],
        },
        'the process is gone': { minutes: 75, scraped: [counter(`${reads}}`, [60, 3]), collector([75, 1])] },
      },
      quiet: {
        'three reads a minute': { minutes: 60, scraped: [counter(`${reads}}`, [60, 3]), collector([60, 1])] },
        'they failed for five minutes': {
          minutes: 70,
          scraped: [counter(`${reads}}`, [60, 3], [5, 0], [5, 3]), collector([70, 1])],
        },
        'nothing is heard, for no collector answers': {
          minutes: 75,
          scraped: [counter(`${reads}}`, [60, 3]), collector([60, 1], [15, 0])],
        },
      },
    },
  },
  NoReplica: {
    page: {
      labels: service,
      fires: {
        'none in any version': {
          minutes: 25,
          scraped: [gauge(replicas('stable'), [20, 2], [5, 0]), gauge(replicas('canary'), [25, 0])],
        },
      },
      quiet: {
        'none of the canary': {
          minutes: 25,
          scraped: [gauge(replicas('stable'), [25, 1]), gauge(replicas('canary'), [25, 0])],
        },
        'none for a minute': { minutes: 25, scraped: [gauge(replicas('stable'), [24, 1], [1, 0])] },
      },
    },
  },
  ReplicaEjected: {
    ticket: {
      labels: service,
      fires: {
        'for twenty minutes': { minutes: 40, scraped: [gauge(ejected, [20, 0], [20, 1])] },
        'for twenty minutes, tried again each five': {
          minutes: 40,
          scraped: [gauge(ejected, [20, 0], [5, 1], [1, 0], [5, 1], [1, 0], [5, 1], [1, 0], [2, 1])],
        },
      },
      quiet: { 'for ten minutes': { minutes: 30, scraped: [gauge(ejected, [20, 0], [10, 1])] } },
    },
  },
  RetriesExhausted: {
    ticket: {
      labels: service,
      fires: { 'two of a hundred': retries(15, 0.02) },
      quiet: { 'one of two hundred': retries(60, 0.005) },
    },
  },
  TenantsLimited: {
    ticket: {
      labels: service,
      fires: { 'one of ten': some(`${answered},response_code="429"}`, 20, 0.1) },
      quiet: { 'two of a hundred': some(`${answered},response_code="429"}`, 60, 0.02) },
    },
  },
  CertificateNotRenewed: {
    page: {
      labels: { namespace: 'staffmesh', workload: 'leave', instance: '10.0.0.1:15020' },
      fires: { 'five hours before its end': { minutes: 30, scraped: [gauge(certificate, [30, 5 * 3600])] } },
      quiet: {
        'renewed at half of its time': {
          minutes: 60,
          scraped: [gauge(certificate, [30, 12 * 3600], [30, 24 * 3600])],
        },
      },
    },
  },
  CollectorDown: {
    page: {
      labels: {},
      fires: {
        'none answers': {
          minutes: 16,
          scraped: [gauge('up{job="otel-collector",instance="a"}', [10, 1], [6, 0])],
        },
        'there is none': { minutes: 16, scraped: [gauge('up{job="proxies",instance="a"}', [16, 1])] },
      },
      quiet: {
        'one of two answers': {
          minutes: 30,
          scraped: [
            gauge('up{job="otel-collector",instance="a"}', [30, 0]),
            gauge('up{job="otel-collector",instance="b"}', [30, 1]),
          ],
        },
      },
    },
  },
  CollectorRefuses: {
    ticket: {
      labels: { instance: 'a' },
      ...grows('otelcol_receiver_refused_metric_points{instance="a",receiver="otlp"}'),
    },
  },
  CollectorCannotSend: {
    ticket: {
      labels: { instance: 'a', exporter: 'otlp_http' },
      ...grows('otelcol_exporter_send_failed_spans{instance="a",exporter="otlp_http"}'),
    },
  },
  TelemetryLost: {
    ticket: {
      labels: service,
      fires: {
        'it is asked, and tells of nothing': {
          minutes: 60,
          scraped: [
            collector([60, 1]),
            counter(`${answered},response_code_class="2xx"}`, [60, 60]),
            counter(`${served}_count{service_name="leave",staffmesh_kind="query"}`, [30, 60]),
          ],
        },
      },
      quiet: {
        'it is asked, and tells': {
          minutes: 60,
          scraped: [
            collector([60, 1]),
            counter(`${answered},response_code_class="2xx"}`, [60, 60]),
            counter(`${served}_count{service_name="leave",staffmesh_kind="query"}`, [60, 60]),
          ],
        },
        'no collector answers': {
          minutes: 60,
          scraped: [
            collector([30, 1], [30, 0]),
            counter(`${answered},response_code_class="2xx"}`, [60, 60]),
            counter(`${served}_count{service_name="leave",staffmesh_kind="query"}`, [30, 60]),
          ],
        },
        'it is not asked': {
          minutes: 60,
          scraped: [
            collector([60, 1]),
            counter(`${answered},response_code_class="2xx"}`, [30, 60], [30, 0]),
            counter(`${served}_count{service_name="leave",staffmesh_kind="query"}`, [30, 60], [30, 0]),
          ],
        },
        'it is asked for another operation each time': {
          minutes: 60,
          scraped: [
            collector([60, 1]),
            counter(`${answered},response_code_class="2xx"}`, [60, 0.2]),
            ...Array.from({ length: 12 }, (_, nth) =>
              gauge(
                `${served}_count{service_name="leave",staffmesh_operation="operation${nth}"}`,
                ...(nth > 0 ? [[5 * nth, 'gone'] as const] : []),
                [60 - 5 * nth, 1],
              ),
            ),
          ],
        },
      },
    },
  },
  KeyRotationFailed: {
    ticket: {
      labels: { namespace: 'staffmesh', job_name: 'identity-key-rotation-1', condition: 'true' },
      fires: {
        'it gave up': {
          minutes: 2,
          scraped: [
            gauge(
              'kube_job_failed{namespace="staffmesh",job_name="identity-key-rotation-1",condition="true"}',
              [2, 1],
            ),
          ],
        },
      },
      quiet: {
        'it runs': {
          minutes: 2,
          scraped: [
            gauge(
              'kube_job_failed{namespace="staffmesh",job_name="identity-key-rotation-1",condition="true"}',
              [2, 0],
            ),
          ],
        },
      },
    },
  },
  EdgeCertificateNotRenewed: {
    ticket: {
      labels: { name: 'edge' },
      fires: {
        'ten days before its end': {
          minutes: 90,
          scraped: [
            gauge(
              'certmanager_certificate_expiration_timestamp_seconds{name="edge",namespace="cert-manager",exported_namespace="staffmesh"}',
              [90, 10 * day],
            ),
          ],
        },
        'ten days before its end, labels being honoured': {
          minutes: 90,
          scraped: [
            gauge('certmanager_certificate_expiration_timestamp_seconds{name="edge",namespace="staffmesh"}', [
              90,
              10 * day,
            ]),
          ],
        },
      },
      quiet: {
        'thirty days before its end': {
          minutes: 90,
          scraped: [
            gauge('certmanager_certificate_expiration_timestamp_seconds{name="edge",namespace="staffmesh"}', [
              90,
              30 * day,
            ]),
          ],
        },
        'somebody else’s': {
          minutes: 90,
          scraped: [
            gauge(
              'certmanager_certificate_expiration_timestamp_seconds{name="edge",namespace="cert-manager",exported_namespace="shop"}',
              [90, 10 * day],
            ),
          ],
        },
      },
    },
  },
}
