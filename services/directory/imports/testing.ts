import { setTimeout as sleep } from 'node:timers/promises'
import { type Company, everything } from '../testing.ts'

/** Imports a file to its end, by a worker that must be running; answers with the import and what was wrong. */
export async function importFile(
  { act, upload }: Company,
  given: { kind: string; mapping?: object; options?: object },
  content: string | Uint8Array,
) {
  const { id: importId } = await act('createImport', { ...given, scope: everything })
  const uploaded = await upload(importId, content)
  if (uploaded.status !== 200) throw new Error(`The upload answered ${JSON.stringify(uploaded.body)}`)
  await act('startImport', { importId, scope: everything })
  const done = await ended({ act }, importId)
  const { items: issues } = await act('listImportErrors', { importId, limit: 200, scope: everything })
  return { done, issues }
}

export async function ended({ act }: Pick<Company, 'act'>, importId: string) {
  for (;;) {
    const job = await act('getImport', { importId, scope: everything })
    if (job.state !== 'queued' && job.state !== 'running') return job
    await sleep(20)
  }
}
