import { type KitProblem, kitProblems, problemBase } from '#kit/problem.ts'
import { kongClusterPlugin } from './kong.ts'

/** What Kong answers itself, and what the same is called elsewhere. */
const own = [
  'unauthenticated',
  'route-not-found',
  'body-too-large',
  'too-many-requests',
  'internal',
  'bad-gateway',
  'unavailable',
  'deadline-exceeded',
] as const satisfies KitProblem[]

const documents = own.map((code) => {
  const { status, title } = kitProblems[code]
  return `  [${status}] = [==[${JSON.stringify({ type: `${problemBase}${code}`, title, status })}]==],`
})

const isOwn = 'kong.response.get_source() ~= "service" and kong.response.get_status() >= 400'

/**
 * Kong's own errors as the problem documents that services answer (RFC 9457). For all requests, also those that no route
 * takes, which no plugin of a route sees. Not by `error_template_json`, which knows neither the status nor the content
 * type, and which clients would escape by another `Accept`.
 */
export const problemAnswers = kongClusterPlugin(
  'edge-problems',
  'post-function',
  {
    header_filter: [
      [
        `if ${isOwn} then`,
        '  kong.response.set_header("Content-Type", "application/problem+json")',
        '  kong.response.clear_header("Content-Length")',
        'end',
      ].join('\n'),
    ],
    body_filter: [
      [
        'local problems = {',
        ...documents,
        '}',
        'return function()',
        `  if ${isOwn} and kong.response.get_raw_body() then`,
        '    local status = kong.response.get_status()',
        '    kong.response.set_raw_body(problems[status]',
        `      or string.format('{"type":"about:blank","title":"The request cannot be answered","status":%d}', status))`,
        '  end',
        'end',
      ].join('\n'),
    ],
  },
  'an error has the same shape whoever answers it',
)
