import type { Demo } from './seed/seed.ts'
import { table } from './table.ts'

type Facts = {
  url: string
  dataDir: string
  seconds: number
  demo: Demo | undefined
  now?: string | undefined
  observe?: boolean
  viewerUrl?: string | undefined
}

/** What a person sees once everything runs. */
export function greeting({ url, dataDir, seconds, demo, now, observe, viewerUrl }: Facts): string {
  const parts = [
    `Staffmesh is ready after ${seconds.toFixed(1)} s. Ctrl-C stops it.`,
    `  Edge      ${url}\n  API docs  ${url}/docs\n  Data      ${dataDir} (logs in logs/)`,
  ]
  if (now)
    parts.push(
      `  *** THE CLOCK OF LEAVE IS SET: it began at ${now}. ***\n` +
        '  What it books now stays booked: keep such data apart with --data-dir.',
    )
  if (demo) parts.push(accounts(demo), example(url, demo))
  if (observe) parts.push(traces(viewerUrl))
  return `\n${parts.join('\n\n')}\n`
}

function accounts({ accounts }: Demo): string {
  const rows = accounts.map(({ role, company, email, password }) => [role, company, email, password])
  return ['Demo accounts', ...table([['role', 'company', 'e-mail', 'password'], ...rows])].join('\n')
}

function example(url: string, { accounts }: Demo): string {
  const { role } = accounts.find((account) => account.role === 'hr-admin') ?? accounts[0]!
  return [
    'Try it: log in as one of them and list people',
    `  TOKEN=$(npm run -s token -- --as ${role})`,
    `  curl -s -H "Authorization: Bearer $TOKEN" "${url}/v1/employees?limit=3"`,
  ].join('\n')
}

function traces(viewerUrl: string | undefined): string {
  const ways = [
    ['npm run -s trace -- <x-request-id>', 'shows its trace as a tree'],
    ['npm run -s trace', 'lists the latest ones'],
    ...(viewerUrl
      ? [[viewerUrl, 'shows all in the browser; the tag staffmesh.request names the request']]
      : []),
  ]
  return [
    'Traces: each answer names its request in the header x-request-id, or repeats the one that was sent',
    ...table(ways),
  ].join('\n')
}
