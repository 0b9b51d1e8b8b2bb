import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from './world.ts'

export interface Statement {
  text: string
  /** Prepared under this name; '' where it is not kept. */
  name: string
  /** Of the extended protocol; undefined for a simple query. */
  parameters?: (string | null)[]
}

const mark = '@bench@'

/** The statements of one tenant's transactions while `work` is done, as the server's own log tells them. */
export async function record(
  { superuser, logFile }: Pick<World, 'superuser' | 'logFile'>,
  tenant: string,
  work: () => Promise<unknown>,
): Promise<Statement[]> {
  const set = async (statements: string, prefix: string) => {
    await superuser.query(`alter system set log_statement = '${statements}'`)
    await superuser.query(`alter system set log_line_prefix = '${prefix}'`)
    await superuser.query('select pg_reload_conf()')
    // Backends read their configuration anew before the next statement, once told; give the telling a moment.
    await sleep(300)
  }
  await set('all', `${mark}%p `)
  const from = (await readFile(logFile, 'utf8')).length
  await work()
  await set('none', '')
  return parseLog((await readFile(logFile, 'utf8')).slice(from), tenant)
}

const entryPattern = /^(\d+) (?:LOG|DETAIL): {2}(statement|execute [^:]*|[Pp]arameters): ([\s\S]*?)\s*$/

/** The transactions of a tenant, one after the other; workers of the same service have others. */
export function parseLog(log: string, tenant: string): Statement[] {
  const open = new Map<string, Statement[]>()
  const found: Statement[] = []
  for (const entry of log.split(mark).slice(1)) {
    const [, process, kind, text] = entryPattern.exec(entry) ?? []
    if (!process || !kind || text === undefined) continue
    const transaction = open.get(process)
    if (/^parameters$/i.test(kind)) {
      // It belongs to the entry before.
      const last = transaction?.at(-1)
      if (last) last.parameters = parseParameters(text)
    } else if (/^BEGIN\b/.test(text)) {
      open.set(process, [{ text, name: '' }])
    } else if (/^SET LOCAL statement_timeout/.test(text)) {
      // Is sent only when a request has taken a while, so not each time.
    } else if (kind === 'statement') {
      transaction?.push({ text, name: '' })
      if (text === 'COMMIT' && transaction?.[0]?.text.includes(tenant)) found.push(...transaction)
      if (text === 'COMMIT') open.delete(process)
    } else {
      const name = kind.slice('execute '.length).replace('<unnamed>', '')
      transaction?.push({ text, name, parameters: [] })
    }
  }
  return found
}

/** `$1 = 'it''s', $2 = NULL` */
function parseParameters(text: string): (string | null)[] {
  return [...text.matchAll(/\$\d+ = (?:NULL|'((?:[^']|'')*)')/g)].map((match) =>
    match[1] === undefined ? null : match[1].replaceAll("''", "'"),
  )
}
