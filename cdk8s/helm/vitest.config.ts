import { defineConfig } from 'vitest/config'

/** `npm run test:helm`: what takes helm itself, which is built with Go; the rest of the packaging is in `npm test`. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['cdk8s/helm/suite.ts'],
    globalSetup: 'cdk8s/helm/build.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
