import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: [
      'services/**/*.test.ts',
      'local/**/*.test.ts',
      'mesh/**/*.test.ts',
      'cdk8s/**/*.test.ts',
      'observability/**/*.test.ts',
      'bundle/**/*.test.ts',
      'cluster/**/*.test.ts',
      'doctor/**/*.test.ts',
      'tilt/**/*.test.ts',
    ],
    globalSetup: 'local/test-postgres.ts',
    // Tests start processes and wait for PostgreSQL, so one worker more than the two cores of a CI machine
    // costs nothing and fills the waits.
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
