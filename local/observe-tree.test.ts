import { expect, test } from 'vitest'
import type { Span } from './observe-spans.ts'
import { latest, storyOf } from './observe-tree.ts'

const request = '9f'.repeat(16)
const job = '1c'.repeat(16)
const begun = Date.UTC(2026, 10, 21, 20, 46, 33, 456)

type Rest = Partial<Span> & { status?: number; operation?: string; callee?: string; sql?: boolean }

/** A span that began some milliseconds after the first one. */
function span(
  trace: string,
  id: string,
  service: string,
  name: string,
  after: number,
  took: number,
  rest: Rest,
): Span {
  const { status, operation, callee, sql, attributes, ...given } = rest
  return {
    trace,
    id,
    parent: undefined,
    service,
    name,
    kind: 'client',
    start: begun + after,
    took,
    failed: false,
    links: [],
    ...given,
    attributes: {
      ...(status && { 'http.response.status_code': status }),
      ...(operation && { 'staffmesh.operation': operation }),
      ...(callee && { 'server.address': callee }),
      ...(sql && { 'db.system.name': 'postgresql' }),
      ...attributes,
    },
  }
}

// Recorded with `npm start -- --observe`, and shortened.
const startLeaveRun = { operation: 'startLeaveRun', status: 202 }
const answered = { operation: 'startLeaveRun', status: 200, parent: 'call' }
const asked = { 'staffmesh.request': 'leave-run-1' }
const story: Span[] = [
  span(request, 'enqueue', 'leave', 'job_enqueue', 172, 49.9, { parent: 'data', sql: true }),
  span(request, 'insert', 'leave', 'idempotency_insert', 140.5, 31.3, { parent: 'data', sql: true }),
  span(request, 'data', 'leave', 'POST /startLeaveRun', 139, 146.2, { ...answered, kind: 'server' }),
  span(request, 'call', 'workforce', 'POST /startLeaveRun', 100, 229.3, {
    operation: 'startLeaveRun',
    status: 200,
    parent: 'app',
    callee: 'leave',
  }),
  span(request, 'app', 'workforce', 'POST /v1/leave/runs', 46, 343.1, {
    ...startLeaveRun,
    kind: 'server',
    parent: 'edge',
  }),
  span(request, 'edge', 'edge', 'POST /v1/leave/runs', 0, 390.2, {
    ...startLeaveRun,
    kind: 'server',
    attributes: asked,
  }),
  span(job, 'settle', 'leave-worker', 'process settle-company', 409, 1108.2, {
    kind: 'consumer',
    failed: true,
    attributes: { 'error.type': '40001' },
    links: [{ trace: request, id: 'data' }],
  }),
  span(job, 'lock', 'leave-worker', 'run_lock', 425, 2.8, { parent: 'settle', sql: true }),
]

const requestTree = `Trace ${request}: 6 spans, 390.2 ms, from 2026-11-21T20:46:33.456Z
of the request leave-run-1
  edge          POST /v1/leave/runs (startLeaveRun)     server    202     390.2 ms  ████████████████████████
  workforce     └─ POST /v1/leave/runs (startLeaveRun)  server    202     343.1 ms    █████████████████████
  workforce        └─ POST /startLeaveRun → leave       client    200     229.3 ms        ██████████████
  leave               └─ POST /startLeaveRun            server    200     146.2 ms          █████████
  leave                  ├─ idempotency_insert          sql                31.3 ms          ██
  leave                  ├─ job_enqueue                 sql                49.9 ms            ███
  leave-worker           └┄ process settle-company      consumer  40001  1108.2 ms  +409.0 ms`

const jobTree = `Trace ${job}: 2 spans, 1108.2 ms, from 2026-11-21T20:46:33.865Z
caused by the trace ${request}
  leave-worker  process settle-company  consumer  40001  1108.2 ms  ████████████████████████
  leave-worker  └─ run_lock             sql                 2.8 ms  █`

test('a request is a tree, and what it caused another', () => {
  expect(storyOf(request, story)).toBe(`${requestTree}\n\n${jobTree}`)
  expect(storyOf('leave-run-1', story)).toBe(storyOf(request, story))
})

test('a job is told by itself, with what caused it', () => {
  expect(storyOf(job, story)).toBe(jobTree)
})

test('what lies beside nothing known is a root, and that the beginning is missing is said', () => {
  const [head, ...tree] = storyOf(
    request,
    story.filter(({ id }) => id !== 'edge' && id !== 'call'),
  )!.split('\n')
  expect(head).toBe(`Trace ${request}: 4 spans, 343.1 ms, from 2026-11-21T20:46:33.502Z`)
  expect(tree[0]).toBe('Its beginning is missing.')
  expect(tree[1]).toMatch(/^ {2}workforce +POST \/v1\/leave\/runs /)
  expect(tree[2]).toMatch(/^ {2}leave +POST \/startLeaveRun +server/)
})

test('an unknown id has no story', () => {
  expect(storyOf('leave-run-2', story)).toBeUndefined()
})

test('the latest are requests from outside, and work in the background, not what looks for work', () => {
  const poll = span('77'.repeat(16), 'poll', 'lifecycle-worker', 'process_claim', 500, 1, { sql: true })
  const again = 'b4'.repeat(16)
  const second = story
    .filter(({ trace }) => trace === request)
    .map((span) => ({ ...span, trace: again, start: span.start + 2000 }))
  expect(latest([...second, ...story, poll], 1)).toBe(`Requests
  began         trace                                 took  spans  status  with
  20:46:35.456  ${again}  390.2 ms      6  202     edge POST /v1/leave/runs (startLeaveRun)

Background
  began         trace                                  took  spans  status  with
  20:46:33.865  ${job}  1108.2 ms      2  40001   leave-worker process settle-company`)
})
