import { defineConfig } from 'vitest/config'

/** `npm run test:tilt`: the developer's loop on the bare cluster, which must be up; it removes the product there. */
export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', './cluster/conformance/reporter.ts'],
    include: ['tilt/suite/*.proof.ts'],
    // Each step goes on from where the one before it ended.
    bail: 1,
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
})
