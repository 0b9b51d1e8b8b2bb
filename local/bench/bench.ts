/**
 * `npm run bench`: what the services cost beside what they stand on, with the real processes, on this machine, in one
 * run. Numbers of different machines do not compare; the ratios do.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { benchDirectory } from './directory.ts'
import { benchLeave, now } from './leave.ts'
import { say } from './report.ts'
import { memoryOf, startWorld, type World } from './world.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    rows: { type: 'string', default: '100000' },
  },
})

/** By what `--only` names. */
const parts: Record<string, (world: World) => Promise<void>> = {
  directory: (world) => benchDirectory(world, Number(options.rows)),
  leave: (world) => benchLeave(world, Number(options.rows)),
}

const chosen = options.only === undefined ? Object.keys(parts) : [options.only]
if (!chosen.every((name) => parts[name]))
  throw new Error(`--only is one of ${Object.keys(parts).join(', ')}, not ${options.only}`)
if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: run this on Linux')
const [busy] = loadavg()
if (busy! > 0.5)
  say(`Others are using this machine (load ${busy!.toFixed(1)}): all figures are higher than they should be`)
const world = await startWorld(now)
try {
  say(
    'Idle, proportional set size: ' +
      memoryOf(world)
        .map(([name, size]) => `${name} ${size.toFixed(0)} MB`)
        .join(', '),
  )
  for (const name of chosen) await parts[name]!(world)
} finally {
  await world.stop()
}
