import { defineConfig } from 'vitest/config'

/** `npm run test:mesh`: the suite against a cluster that is up. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['cluster/conformance/**/*.proof.ts'],
    setupFiles: ['cluster/conformance/setup.ts'],
    reporters: ['default', './cluster/conformance/reporter.ts'],
    // One cluster, and some proofs break parts of it on purpose.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
