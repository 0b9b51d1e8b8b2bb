import { randomUUID } from 'node:crypto'
import type { JWTHeaderParameters, JWTPayload } from 'jose'
import type { Operation } from '#kit/contract.ts'
import type { Service } from '#kit/service.ts'

export type Who = 'hr-admin' | 'employee' | 'other-tenant' | 'spendthrift'

/** The edge that a suite looks at, whichever it is. */
export interface Subject {
  url: string
  /** What it was derived from. */
  services: readonly Service[]
  /** An origin whose pages may call. */
  origin: string
  /**
   * Access tokens: of an HR admin, of an employee with no other role, of an HR admin of another tenant, and of an
   * employee whose quota may be used up.
   */
  token(who: Who): Promise<string>
  /** Whether there is such an account; only that of another tenant may be missing. */
  has(who: Who): boolean
  /** Where the keys are that tokens are checked with. */
  jwks: URL
  /** Signs any claims with a key that the edge trusts; where that can't be had, those tests are left out. */
  sign?: (claims: JWTPayload, header?: Partial<JWTHeaderParameters>) => Promise<string>
  /** Path of an object that the HR admin may read, and of events that come at once. */
  item: string
  events: string
  /** Whether all quotas of this address may be used up. */
  mayExhaust: boolean
}

interface Sample {
  method: string
  path: string
  op: Operation
}

const hasParameter = (path: string) => path.includes('{')

/** Operations of each shape that a suite needs, found among the declared ones. */
export function samplesOf(services: readonly Service[]) {
  const all: Sample[] = services
    .filter(({ layer }) => layer === 'application')
    .flatMap(({ contract }) => Object.values(contract.operations))
    .map((op) => ({ op, method: op.route!.method, path: op.route!.path }))
  const find = (what: string, matches: (sample: Sample) => boolean): Sample => {
    const sample = all.find(matches)
    if (!sample) throw new Error(`No operation is ${what}: the suite needs one`)
    return sample
  }
  const upload = find('an upload', ({ op }) => op.upload !== undefined)
  return {
    list: find(
      'a list that HR admins read and employees do not',
      ({ method, path, op }) =>
        method === 'GET' &&
        op.kind === 'query' &&
        !hasParameter(path) &&
        op.roles!['hr-admin'] === 'all' &&
        !op.roles!.employee &&
        op.input.safeParse({}).success,
    ),
    json: find(
      'a command of HR admins with a JSON body',
      ({ method, path, op }) =>
        method === 'POST' && !hasParameter(path) && !op.upload && op.roles!['hr-admin'] === 'all',
    ),
    upload: { ...upload, path: upload.path.replaceAll(/\{\w+\}/g, () => randomUUID()) },
    /** Operations that no client outside may reach. */
    inside: services
      .filter(({ layer }) => layer === 'data')
      .flatMap(({ contract }) => Object.keys(contract.operations).map((operation) => `/${operation}`)),
    publicForm: services
      .flatMap(({ publicPaths }) => publicPaths)
      .find(({ methods, path }) => methods.includes('POST') && !hasParameter(path)),
  }
}
