import { defineConfig } from 'vitest/config'

const proofs = (name: string, groupOrder: number) => ({
  extends: true as const,
  test: { name, include: [`tilt/suite/${name}.proof.ts`], sequence: { groupOrder } },
})

/** `npm run test:tilt`: the developer's loop on the bare cluster, which must be up; it removes the product there. */
export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', './cluster/conformance/reporter.ts'],
    projects: [proofs('kind', 1), proofs('image', 2), proofs('live', 3)],
    // Each step goes on from where the one before it ended.
    bail: 1,
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
})
