import { setTimeout as sleep } from 'node:timers/promises'
import type { OutputOf } from '#kit/contract.ts'
import type { Handlers, StreamEvent } from '#kit/server.ts'
import type { Clients } from '../clients.ts'
import type { importOperations } from '../contract/imports.ts'
import { scoped } from '../scoped.ts'

type Import = OutputOf<typeof importOperations.getImport>

export const importHandlers = (directory: Clients['directory']): Handlers<typeof importOperations> => ({
  createImport: (input, call) => directory(call).createImport(scoped(input, call)),
  listImports: (input, call) => directory(call).listImports(scoped(input, call)),
  getImport: (input, call) => directory(call).getImport(scoped(input, call)),
  uploadImportFile: (input, call) =>
    directory(call).uploadImportFile(input, call.body ? { body: call.body } : {}),
  startImport: (input, call) => directory(call).startImport(scoped(input, call)),
  cancelImport: (input, call) => directory(call).cancelImport(scoped(input, call)),
  listImportErrors: (input, call) => directory(call).listImportErrors(scoped(input, call)),
  async watchImport(input, call) {
    const client = directory(call)
    const read = () => client.getImport(scoped(input, call))
    return progressOf(await read(), read, call.signal)
  },
})

/** States that an import leaves by itself, or by what its owner does next. */
const unfinished: readonly Import['state'][] = ['created', 'uploaded', 'queued', 'running']
const watchInterval = 250

/** An import whenever it looks different than before; ends with the import, or when nobody listens any more. */
async function* progressOf(
  first: Import,
  read: () => Promise<Import>,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent<Import>> {
  let seen = first
  yield { id: String(seen.version), data: seen }
  while (unfinished.includes(seen.state)) {
    await sleep(watchInterval, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const now = await read()
    if (JSON.stringify(now) === JSON.stringify(seen)) continue
    seen = now
    yield { id: String(seen.version), data: seen }
  }
}
