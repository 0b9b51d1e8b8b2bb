import { defineConfig } from 'vitest/config'

const proofs = (...names: string[]) => names.map((name) => `cluster/conformance/${name}.proof.ts`)

/** Counts what nobody else may add to. */
const counting = proofs('00-telemetry')

/**
 * After which a token that somebody remembers may be refused, and proxies drain connections of before for half a minute: a
 * stream on one of them breaks off.
 */
const renewing = proofs('03-key-rotation')

/** These ask neither from a pod that is replaced nor with a token that ends, so they may run while the keys change. */
const aside = proofs('00-manifests', '01-database-credentials', '12-*')

/** Streams that may not break off. */
const changing = proofs('08-change-without-loss')

/** These ask and look, and leave the cluster as it is for each other; every other proof has it for itself. */
const looking = proofs(
  '00-{configuration,dashboards}',
  '01-who-may-call-whom',
  '02-*',
  '03-{identity-headers,user-tokens}',
  '{09,10,11}-*',
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
      group('with new keys', 2, { include: [...renewing, ...aside], maxWorkers: 2 }),
      group('one by one', 3, {
        include: proofs('*'),
        exclude: [...counting, ...renewing, ...aside, ...changing, ...looking],
        maxWorkers: 1,
      }),
      group('while all changes', 4, { include: changing, maxWorkers: 1 }),
      group('side by side', 5, { include: looking, maxWorkers: 3 }),
    ],
    // With modules of its own, a file that only asks would take longer to load than to ask.
    isolate: false,
    setupFiles: ['cluster/conformance/setup.ts'],
    globalSetup: ['cluster/conformance/probes.setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
})
