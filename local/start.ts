import { services } from '../services/index.ts'
import { clearDataDir, openDataDir } from './data-dir.ts'
import { isFirstStart, markFirstStart, readDemo, seed } from './demo.ts'
import { greeting } from './greeting.ts'
import { type Holder, lock } from './lock.ts'
import { type Options, parseOptions, usage } from './options.ts'
import { commonEnvironment } from './plan.ts'
import { isFree } from './ports.ts'
import { type System, startSystem } from './system.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)
const complain = (error: unknown) => process.stderr.write(`${(error as Error).message}\n`)

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options === 'help') {
    say(usage)
    return 0
  }
  const dataDir = await openDataDir(options.dataDir)
  const url = `http://localhost:${options.port}`
  const held = lock(dataDir, { pid: process.pid, url })
  if (held === 'unknown' || 'pid' in held) throw new Error(alreadyRunning(dataDir, held))
  try {
    if (!(await isFree(options.port))) throw new Error(portTaken(options.port))
    // A first start that was interrupted has left a company by halves.
    if (options.fresh || (await isFirstStart(dataDir))) await clearDataDir(dataDir)
    await markFirstStart(dataDir)
    return await runUntilAsked(options, dataDir)
  } finally {
    held.release()
  }
}

async function runUntilAsked(options: Options, dataDir: string): Promise<number> {
  const began = performance.now()
  const asked = new AbortController()
  const insisted = new AbortController()
  whenAskedToStop(() => (asked.signal.aborted ? insisted : asked).abort())

  let system: System
  try {
    say('Starting ...')
    const enter = async (addresses: Record<string, string>) => {
      say('Entering the demo company ...')
      await seed(dataDir, addresses, commonEnvironment(dataDir))
    }
    system = await startSystem({
      dataDir,
      port: options.port,
      services,
      now: options.now,
      observe: options.observe,
      signal: asked.signal,
      ...((await isFirstStart(dataDir)) && { enter }),
    })
  } catch (error) {
    if (!asked.signal.aborted) throw error
    return 0
  }
  insisted.signal.addEventListener('abort', () => system.kill())
  const seconds = (performance.now() - began) / 1000
  const { url, viewerUrl } = system
  const { now, observe } = options
  say(greeting({ url, dataDir, seconds, demo: await readDemo(dataDir), now, observe, viewerUrl }))

  const failure = await Promise.race([aborted(asked.signal), system.failed])
  if (failure) complain(failure)
  say('Stopping ...')
  await system.stop()
  return failure ? 1 : 0
}

/** Ctrl-C, a polite kill, a closed terminal; and the end of the npm that runs us, which tells nobody. */
function whenAskedToStop(stop: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    stop()
  }, 1000)
  watch.unref()
}

const aborted = (signal: AbortSignal) =>
  new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined))
  })

const alreadyRunning = (dataDir: string, holder: Holder | 'unknown') =>
  holder === 'unknown'
    ? `Another start uses ${dataDir} at this moment.`
    : `Staffmesh already runs on ${dataDir}: process ${holder.pid}, ${holder.url}\n` +
      'Stop that one with Ctrl-C, or start a second one with other values of --data-dir and --port.'

const portTaken = (port: number) =>
  `Port ${port} is taken by another program. Choose another one: npm start -- --port ${port + 1}`

try {
  process.exitCode = await main()
} catch (error) {
  complain(error)
  process.exitCode = 1
}
