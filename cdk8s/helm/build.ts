import type { TestProject } from 'vitest/node'
import { goProgram, sayNotProven } from '../go-program.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The helm program; empty where it cannot be had. */
    helm: string
  }
}

export const helm = { name: 'helm', version: 'v3.22.0', package: 'helm.sh/helm/v3/cmd/helm' }

export default async function setup(project: TestProject): Promise<void> {
  try {
    project.provide('helm', await goProgram(helm))
  } catch (error) {
    sayNotProven('The Helm chart was', (error as Error).message)
    project.provide('helm', '')
  }
}
