import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startChild } from './child.ts'
import type { Demo, Seeding } from './seed/seed.ts'

const answerIn = (dataDir: string) => join(dataDir, 'demo.json')
const markIn = (dataDir: string) => join(dataDir, 'first-start-unfinished')

/** The demo company of this data directory and its accounts, where it has one. */
export async function readDemo(dataDir: string): Promise<Demo | undefined> {
  const text = await readFile(answerIn(dataDir), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Demo)
}

/** Notes, before anything is created, that a data directory is new; the note goes when the demo company is in. */
export async function markFirstStart(dataDir: string): Promise<void> {
  if (!(await exists(join(dataDir, 'cluster')))) await writeFile(markIn(dataDir), '')
}

export const isFirstStart = (dataDir: string) => exists(markIn(dataDir))

/** Enters the demo company, with new passwords. */
export async function seed(
  dataDir: string,
  addresses: Record<string, string>,
  env: Record<string, string>,
): Promise<void> {
  const { identity, directory, leave } = addresses
  if (!identity || !directory || !leave)
    throw new Error('The demo company needs the services identity, directory and leave')
  const today = new Date().toISOString().slice(0, 10)
  const demo = await startChild<Seeding, Demo>('./seed/main.ts', env)
    .ask({ addresses: { identity, directory, leave }, today })
    .catch((error: Error) => {
      throw new Error(`The demo company could not be entered: ${error.message}`)
    })
  const file = answerIn(dataDir)
  await writeFile(`${file}.new`, JSON.stringify(demo, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
  await rm(markIn(dataDir))
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )
