import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { services } from '../services/index.ts'
import { compatibilityFaults, type Summary, summaryOf } from '../services/kit/compatibility.ts'

/**
 * Compares each contract with that of the last release (`services/<name>/contract.released.json`): `--check`.
 * With `--release` the contracts of today become the released ones, if older callers can live with them.
 */
const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, release: { type: 'boolean', default: false } },
})
if (values.check === values.release) throw new Error('npm run contracts -- --check, or --release')

const faults: string[] = []
const released: (() => Promise<void>)[] = []
for (const { name, contract } of services) {
  const file = new URL(`../services/${name}/contract.released.json`, import.meta.url)
  const before = await readFile(file, 'utf8').catch(() => undefined)
  const now = summaryOf(contract)
  if (before)
    faults.push(...compatibilityFaults(JSON.parse(before) as Summary, now).map((fault) => `${name}.${fault}`))
  else if (values.check) faults.push(`${name} was never released: npm run contracts -- --release`)
  released.push(() => writeFile(file, `${JSON.stringify(now, null, 2)}\n`))
}
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
else if (values.release) for (const write of released) await write()
