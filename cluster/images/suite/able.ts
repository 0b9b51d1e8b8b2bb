import type { TestProject } from 'vitest/node'
import { sayNotProven } from '../../../cdk8s/go-program.ts'
import { need } from '../../shell.ts'

declare module 'vitest' {
  interface ProvidedContext {
    canBuildImages: boolean
  }
}

export default async function setup(project: TestProject): Promise<void> {
  try {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new Error('it takes root on Linux')
    await need(['buildah', 'debootstrap', 'go', 'unshare'])
    project.provide('canBuildImages', true)
  } catch (error) {
    sayNotProven('The images were', (error as Error).message)
    project.provide('canBuildImages', false)
  }
}
