import { TestRunner } from 'vitest'

export interface Measure {
  name: string
  value: number | string
}

declare module 'vitest' {
  interface TaskMeta {
    measures?: Measure[]
  }
}

/** Keeps a figure beside the proof that measured it, for the report. */
export function measured(name: string, value: number | string): void {
  const proof = TestRunner.getCurrentTest()
  if (!proof) throw new Error(`${name}: measure within a proof, so that the report tells what it belongs to`)
  proof.meta.measures = [...(proof.meta.measures ?? []), { name, value }]
}
