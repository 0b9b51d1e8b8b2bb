import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { services } from '../../services/index.ts'
import { answersTo, type Window } from '../dashboards/ask.ts'
import { dashboardsOf } from '../dashboards/index.ts'
import { panelsOf } from '../dashboards/queries.ts'
import { picturesOf } from './browser.ts'
import { pageOf, width } from './draw.ts'

const usage = `npm run observe:render -- --prometheus <url> [options] [dashboard...]

Draws dashboards, overview and mesh unless told, from a live Prometheus into PNG files.

  --prometheus <url>  its base URL, e.g. http://localhost:9090
  --minutes <n>       how far back, 30 unless told
  --out <folder>      dist/dashboards unless told
  --browser <file>    a Chromium or Chrome, that on PATH unless told
`

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      prometheus: { type: 'string' },
      minutes: { type: 'string', default: '30' },
      out: { type: 'string', default: 'dist/dashboards' },
      browser: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) process.stdout.write(usage)
  else {
    if (!values.prometheus) throw new Error(`Say where Prometheus is.\n\n${usage}`)
    const window = windowOf(Number(values.minutes))
    const wanted = positionals.length > 0 ? positionals : ['overview', 'mesh']
    const pages = new Map<string, string>()
    for (const name of wanted) pages.set(name, await draw(name, values.prometheus, window))
    await mkdir(values.out, { recursive: true })
    for (const [name, picture] of await picturesOf(pages, width + 24, values.browser)) {
      const file = join(values.out, `${name}.png`)
      await writeFile(file, picture)
      process.stdout.write(`${file}\n`)
    }
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}

function windowOf(minutes: number): Window {
  if (!(minutes > 0)) throw new Error('--minutes is a number above 0')
  const range = minutes * 60
  const step = Math.max(15, Math.ceil(range / 240))
  return { end: Math.floor(Date.now() / 1000), range, step, rate: Math.max(60, 2 * step) }
}

async function draw(name: string, prometheus: string, window: Window): Promise<string> {
  const dashboards = dashboardsOf(services)
  const dashboard = dashboards.find(({ uid }) => uid.endsWith(`-${name}`))
  if (!dashboard)
    throw new Error(
      `There is no dashboard ${name}: there are ${dashboards.map(({ uid }) => uid.replace(/^.*?-/, '')).join(', ')}`,
    )
  const answers = await Promise.all(
    panelsOf(dashboard).map(
      async (panel) => [panel.id!, await answersTo(prometheus, dashboard, panel, window)] as const,
    ),
  )
  return pageOf(dashboard, new Map(answers), window)
}
