import { randomUUID } from 'node:crypto'
import { services } from '../../../services/index.ts'
import { workforceContract } from '../../../services/workforce/contract.ts'
import type { Company } from './company.ts'
import { publicUrl } from './edge.ts'
import { eventually } from './eventually.ts'
import type { Call } from './load.ts'

/** Milliseconds; above every deadline of what is asked here, so that the mesh decides. */
const patience = 20_000

/** A request of a company's administrator through the edge. */
async function ask(
  company: Company,
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  return fetch(publicUrl + path, {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(patience),
    ...init,
    headers: { authorization: `Bearer ${await company.token()}`, ...init.headers },
  })
}

/** Status, and where it is a problem which one. */
async function gist(response: Response): Promise<string> {
  const text = await response.text()
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  return `${response.status} ${isProblem ? JSON.parse(text).type : ''}`.trim()
}

/**
 * Every query that people may ask and every public page, with ids that nobody has where the path needs one: that there is
 * no such employee is an answer too, and it comes from the database. Each must go on answering as it does now.
 */
export async function queriesOf(company: Company): Promise<Call[]> {
  const paths = services.flatMap(({ layer, contract, publicPaths }) => [
    ...Object.values(contract.operations)
      .filter(({ kind }) => layer === 'application' && kind === 'query')
      .map(({ route }) => route!.path.replaceAll(/\{\w+\}/g, () => randomUUID())),
    ...publicPaths
      .filter(({ methods, path }) => methods.includes('GET') && !path.includes('{'))
      .map(({ path }) => path),
  ])
  const calls: Call[] = []
  // One after the other: what has just started answers many at once too late.
  for (const path of paths) {
    const usual = await eventually(`GET ${path} is answered`, async () => {
      const answer = await gist(await ask(company, 'GET', path))
      if (/^(429|5)/.test(answer)) throw new Error(answer)
      return answer
    })
    calls.push({
      name: `GET ${path}`,
      async send() {
        const answer = await gist(await ask(company, 'GET', path))
        if (answer !== usual) throw new Error(`${answer} instead of ${usual}`)
      },
    })
  }
  return calls
}

const { createImport, watchImport } = workforceContract.operations

/** Prepares an import, which nothing keeps from being there twice. Answers with its id. */
export async function prepareImport(company: Company, key?: string): Promise<string> {
  const { method, path } = createImport.route!
  const response = await ask(company, method, path, {
    headers: { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}) },
    body: JSON.stringify({ kind: 'employees' }),
  })
  if (!response.ok) throw new Error(await gist(response))
  return ((await response.json()) as { id: string }).id
}

/** A command with a key, which the mesh may try again, and one without, which it may not. */
export const commandsOf = (company: Company): Call[] => [
  {
    name: 'a command with a key',
    send: async () => void (await prepareImport(company, randomUUID())),
  },
  { name: 'a command without a key', send: async () => void (await prepareImport(company)) },
]

/** Events of an import; they may end, and are then asked for again, but may not break off. */
export async function eventsOf(company: Company): Promise<Call> {
  const path = watchImport.route!.path.replace('{importId}', await prepareImport(company))
  return {
    name: 'events',
    async send(stopped) {
      try {
        const response = await ask(company, 'GET', path, { signal: stopped })
        if (!response.ok) throw new Error(await gist(response))
        await response.text()
      } catch (error) {
        if (!stopped.aborted) throw error
      }
    },
  }
}
