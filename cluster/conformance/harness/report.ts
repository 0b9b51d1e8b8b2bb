import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { folders } from '../../node/folders.ts'

interface Measure {
  proof: string
  name: string
  value: number | string
}

/** Where the figures of all proofs are gathered; of each the latest. */
const file = process.env.MESH_REPORT ?? join(folders().node, 'mesh-report.json')

/** Shows a figure beside the proof that measured it, and keeps it in the report. */
export function measured(name: string, value: number | string): void {
  const { currentTestName, testPath = '' } = expect.getState()
  const proof = currentTestName ?? testPath
  console.info(`${name}: ${value}`)
  const all = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Measure[]) : []
  const others = all.filter((each) => each.proof !== proof || each.name !== name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify([...others, { proof, name, value }], null, 2)}\n`)
}
