import { defineConfig } from 'vitest/config'

/** `npm run test:images`: what takes buildah and root; a first run installs packages as an image's build does. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['cluster/images/suite/*.suite.ts'],
    globalSetup: 'cluster/images/suite/able.ts',
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 900_000,
  },
})
