/**
 * Loads once what the processes of the services will load, so that Node's compile cache has it before they start.
 * Otherwise each of them strips and compiles the same files again, which on 2 cores is half of a first start.
 */
import { readFile } from 'node:fs/promises'
import '#kit/process.ts'
import '#kit/jobs.ts'
import { services } from '../services/index.ts'
import { inService } from './plan.ts'

/** What `main.ts` imports, now or later. It can't be imported itself: it runs the service. */
async function importsOf(service: string): Promise<string[]> {
  const source = await readFile(inService(service, 'main.ts'), 'utf8')
  return [...source.matchAll(/(?:from |import\()'(\.[^']+)'/g)].map(([, path]) => inService(service, path!))
}

for (const service of ['edge', ...services.map(({ name }) => name)]) {
  // What does not load is left to the process that needs it, which reports it.
  for (const path of await importsOf(service)) await import(path).catch(() => {})
}
process.stdout.write('true', () => process.exit())
