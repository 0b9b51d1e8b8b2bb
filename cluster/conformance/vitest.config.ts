import { defineConfig } from 'vitest/config'

const proofs = (...names: string[]) => names.map((name) => `cluster/conformance/${name}.proof.ts`)

/** Counts what nobody else may add to. */
const counting = proofs('00-telemetry')

/** After which a token that somebody remembers may be refused. */
const forgetting = proofs('03-key-rotation')

/** These ask and look, and leave the cluster as it is for each other; every other proof has it for itself. */
const looking = proofs(
  '00-{configuration,dashboards,manifests}',
  '01-*',
  '02-*',
  '03-{identity-headers,user-tokens}',
  '{09,10,11,12}-*',
)

const group = (
  name: string,
  groupOrder: number,
  which: { include: string[]; exclude?: string[]; maxWorkers: number },
) => ({ extends: true as const, test: { name, sequence: { groupOrder }, ...which } })

/** `npm run test:mesh`: the suite against a cluster that is up. */
export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', './cluster/conformance/reporter.ts'],
    projects: [
      group('while all is quiet', 1, { include: counting, maxWorkers: 1 }),
      group('one by one', 2, {
        include: proofs('*'),
        exclude: [...counting, ...forgetting, ...looking],
        maxWorkers: 1,
      }),
      group('with new keys', 3, { include: forgetting, maxWorkers: 1 }),
      group('side by side', 4, { include: looking, maxWorkers: 3 }),
    ],
    // With modules of its own, a file that only asks would take longer to load than to ask.
    isolate: false,
    setupFiles: ['cluster/conformance/setup.ts'],
    globalSetup: ['cluster/conformance/probes.setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
})
