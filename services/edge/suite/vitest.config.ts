import { defineConfig } from 'vitest/config'

/** `npm run test:edge`: the suite against an edge that is up, so nothing is started here. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['services/edge/suite/remote.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
