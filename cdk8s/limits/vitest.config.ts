import { defineConfig } from 'vitest/config'

/** `npm run test:limits`: the rendered limits in the programs that read them; the rest is in `npm test`. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['cdk8s/limits/suite.ts'],
    globalSetup: 'cdk8s/limits/programs.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
