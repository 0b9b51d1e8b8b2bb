import { parseArgs } from 'node:util'
import { instant } from '#kit/schemas.ts'

export type Options = {
  port: number
  /** Unset: a directory of this checkout. */
  dataDir: string | undefined
  fresh: boolean
  /** The instant from which the clock of leave goes on; unset: it is the system's. */
  now: string | undefined
  /** Collect traces. */
  observe: boolean
}

export const usage = `Starts Staffmesh on this machine: PostgreSQL, every service and the edge.

  npm start -- [options]

  --port <number>      port of the edge (default 8080)
  --data-dir <folder>  where the data, secrets and logs are kept (default .local in this checkout)
  --fresh              delete the data first and begin with a new demo company
  --now <instant>      set the clock of leave, e.g. 2027-01-01T00:00:00Z: what accrues, expires and may be requested
                       goes by it, all else by the clock of this machine
  --observe            collect traces, to be seen with: npm run trace
  --help               show this
`

/** Throws an error that tells what is wrong with the arguments; `help` when they ask for it. */
export function parseOptions(args: string[], environment = process.env): Options | 'help' {
  for (const flag of ['port', 'data-dir', 'fresh', 'now', 'observe']) {
    // npm keeps a flag in front of "--" for itself and would start us without it.
    if (
      environment[`npm_config_${flag.replace('-', '_')}`] !== undefined &&
      !args.some((arg) => arg.startsWith('--'))
    ) {
      throw new Error(`npm took --${flag} for itself. Write two dashes before it: npm start -- --${flag} ...`)
    }
  }
  const { values } = parse(args)
  if (values.help) return 'help'
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port < 1 || port > 65_535) {
    throw new Error(`--port takes a number from 1 to 65535, not "${values.port}".`)
  }
  if (values['data-dir'] === '') throw new Error('--data-dir takes the path of a folder.')
  const { now } = values
  if (now !== undefined && !instant.safeParse(now).success)
    throw new Error(`--now takes an instant in UTC such as 2027-01-01T00:00:00Z, not "${now}".`)
  const { fresh, observe } = values
  const elsewhere = environment.OTEL_EXPORTER_OTLP_ENDPOINT
  if (observe && elsewhere)
    throw new Error(
      `--observe collects the traces here, but OTEL_EXPORTER_OTLP_ENDPOINT sends them to ${elsewhere}: use one of them.`,
    )
  return { port, dataDir: values['data-dir'], fresh, now, observe }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string', default: '8080' },
        'data-dir': { type: 'string' },
        fresh: { type: 'boolean', default: false },
        now: { type: 'string' },
        observe: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new Error(`${(error as Error).message.split(/\.\s/)[0]}. See: npm start -- --help`)
  }
}
