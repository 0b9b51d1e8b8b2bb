import type { Tx } from '#kit/tx.ts'
import type { ProcessOf, Progress } from '../domain/process.ts'
import { type RecordKind, type Records, removePages, savePage } from '../export-store.ts'
import type { Outcome, Step, StepContext } from './step.ts'

const pageSize = 200
/** Of people with all entries of their ledgers. */
const leavePageSize = 25

/** How long what was collected is kept: it is full of personal values. */
const kept = 7 * 24 * 60 * 60 * 1000

/** Collects one page; the page and the cursor are written together, so each is there once. */
export const tenantExportStep: Step<'tenant-export'> = {
  deadline: 12_000,
  places: 2,
  async take(process, context) {
    const { progress } = process
    const { now } = context
    if (progress.phase === 'expired') return { next: { state: 'done', why: null }, progress }
    if (progress.phase === 'complete') return expire(process, now)
    const { records, next: cursor } = await readPage(process, progress.phase, context)
    const pages = progress.pages + 1
    const after: Progress<'tenant-export'> = {
      ...progress,
      phase: cursor ? progress.phase : following[progress.phase],
      cursor,
      pages,
      records: progress.records + records.length,
    }
    const save = (tx: Tx) => savePage(tx, process, pages, records)
    if (after.phase !== 'complete')
      return { next: { state: 'scheduled', at: now, why: null }, progress: after, save }
    const at = new Date(now.getTime() + kept)
    return {
      next: { state: 'scheduled', at, why: 'export-expiry' },
      progress: { ...after, expiresAt: at.toISOString() },
      save,
    }
  },
}

/** Removes what was collected once its time has come; woken before, it goes on waiting. */
function expire(process: ProcessOf<'tenant-export'>, now: Date): Outcome<'tenant-export'> {
  const { progress } = process
  const at = new Date(progress.expiresAt!)
  if (at > now) return { next: { state: 'scheduled', at, why: 'export-expiry' }, progress }
  return {
    next: { state: 'done', why: null },
    progress: { ...progress, phase: 'expired' },
    save: (tx) => removePages(tx, process),
  }
}

const following = {
  'org-unit': 'position',
  position: 'employee',
  employee: 'account',
  account: 'leave-settings',
  'leave-settings': 'leave',
  leave: 'complete',
} as const

async function readPage(
  { progress }: ProcessOf<'tenant-export'>,
  kind: RecordKind,
  { clients, call }: StepContext,
): Promise<{ records: Records; next: string | null }> {
  const page = { limit: pageSize, ...(progress.cursor ? { cursor: progress.cursor } : {}) }
  const directory = clients.directory(call)
  const leave = clients.leave(call)
  const read = {
    'org-unit': () => directory.exportOrgUnits(page),
    position: () => directory.listPositions({ ...page, scope: { reach: 'all' } }),
    employee: () => directory.exportEmployees(page),
    account: () => clients.identity(call).exportAccounts(page),
    'leave-settings': async () => ({ items: [await leave.exportLeaveSettings({})], next: null }),
    leave: () => leave.exportLeave({ ...page, limit: leavePageSize }),
  }
  const { items, next } = await read[kind]()
  return { records: items.map((data) => ({ kind, data })), next }
}
