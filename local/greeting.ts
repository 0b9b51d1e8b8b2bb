import type { Demo } from './seed/seed.ts'

type Facts = {
  url: string
  dataDir: string
  seconds: number
  demo: Demo | undefined
  now?: string | undefined
}

/** What a person sees once everything runs. */
export function greeting({ url, dataDir, seconds, demo, now }: Facts): string {
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

function table(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd(),
  )
}
