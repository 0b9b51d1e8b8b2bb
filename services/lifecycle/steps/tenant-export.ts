import type { ProcessOf, Progress } from '../domain/process.ts'
import { type Records, savePage } from '../store.ts'
import type { Step, StepContext } from './step.ts'

const pageSize = 200

/** Collects one page; the page and the cursor are written together, so each is there once. */
export const tenantExportStep: Step<'tenant-export'> = {
  deadline: 12_000,
  async take(process, context) {
    const { progress } = process
    if (progress.source === 'complete') return { next: { state: 'done', why: null }, progress }
    const { records, next } = await readPage(process, progress.source, context)
    const pages = progress.pages + 1
    const after: Progress<'tenant-export'> = {
      source: next ? progress.source : progress.source === 'directory' ? 'identity' : 'complete',
      cursor: next,
      pages,
      records: progress.records + records.length,
    }
    return {
      next:
        after.source === 'complete'
          ? { state: 'done', why: null }
          : { state: 'scheduled', at: context.now, why: null },
      progress: after,
      save: (tx) => savePage(tx, process, pages, records),
    }
  },
}

async function readPage(
  { progress }: ProcessOf<'tenant-export'>,
  source: 'directory' | 'identity',
  { clients, call }: StepContext,
): Promise<{ records: Records; next: string | null }> {
  const page = { limit: pageSize, ...(progress.cursor ? { cursor: progress.cursor } : {}) }
  if (source === 'directory') {
    const { items, next } = await clients.directory(call).exportEmployees(page)
    return { records: items.map((data) => ({ kind: 'employee', data })), next }
  }
  const { items, next } = await clients.identity(call).exportAccounts(page)
  return { records: items.map((data) => ({ kind: 'account', data })), next }
}
