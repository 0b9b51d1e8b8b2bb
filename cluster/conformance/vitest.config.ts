import { defineConfig } from 'vitest/config'

const proofs = (...names: string[]) => names.map((name) => `cluster/conformance/${name}.proof.ts`)

/** These ask and look, and leave the cluster as it is for each other; every other proof has it for itself. */
const looking = proofs('00-manifests', '01-*', '02-*', '03-{identity-headers,user-tokens}', '{09,10,11,12}-*')

/** `npm run test:mesh`: the suite against a cluster that is up. */
export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', './cluster/conformance/reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'one by one',
          include: proofs('*'),
          exclude: looking,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'side by side',
          include: looking,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
    setupFiles: ['cluster/conformance/setup.ts'],
    globalSetup: ['cluster/conformance/teardown.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
})
