import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { folders } from '../node/folders.ts'

/** Where the report lies for machines: `MESH_REPORT`, or beside the state of the cluster. */
const file = process.env.MESH_REPORT ?? join(folders().node, 'mesh-report.json')

const marks: Readonly<Record<string, string>> = { passed: '✓', failed: '✗', skipped: '– NOT PROVEN' }

/** What was proven, as a table for people and as JSON for machines. */
export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const proofs = tests
      .map((test) => ({ ...reportOf(test), file: test.module.relativeModuleId }))
      .sort((one, other) => one.file.localeCompare(other.file, 'en', { numeric: true }))
    let group = ''
    for (const { about, proof, result, seconds, measures, reason } of proofs) {
      if (about !== group) process.stdout.write(`\n${about}\n`)
      group = about
      const why = reason ? ` (${reason})` : ''
      process.stdout.write(`  ${marks[result] ?? result} ${proof}${why}  ${seconds.toFixed(1)} s\n`)
      for (const { name, value } of measures) process.stdout.write(`      ${name}: ${value}\n`)
    }
    const unloaded = modules.filter((module) => module.state() === 'failed' && module.children.size === 0)
    for (const module of unloaded) process.stdout.write(`\n✗ ${module.relativeModuleId} did not load\n`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), proofs }, null, 2)}\n`)
    process.stdout.write(`\nReport: ${file}\n`)
  }
}

function reportOf(test: TestCase) {
  const about: string[] = []
  for (let each = test.parent; each.type === 'suite'; each = each.parent) about.unshift(each.name)
  const result = test.result()
  return {
    about: about.join(' › ') || test.module.relativeModuleId,
    proof: test.name,
    result: result.state,
    ...(result.state === 'skipped' && result.note ? { reason: result.note } : {}),
    seconds: (test.diagnostic()?.duration ?? 0) / 1000,
    measures: test.meta().measures ?? [],
  }
}
