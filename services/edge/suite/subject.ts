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
  /** Where the keys are that tokens are checked with. */
  jwks: URL
  /** Signs any claims with a key that the edge trusts; where that can't be had, those tests are left out. */
  sign?: (claims: JWTPayload, header?: Partial<JWTHeaderParameters>) => Promise<string>
  /** Whether all quotas of this address may be used up. */
  mayExhaust: boolean
}

interface Sample {
  operation: string
  method: string
  path: string
  op: Operation
}

const hasParameter = (path: string) => path.includes('{')
const needsInput = (op: Operation) => !op.input.safeParse({}).success

/** Operations of each shape that a suite needs, found among the declared ones. */
export function samplesOf(services: readonly Service[]) {
  const all: Sample[] = services
    .filter(({ layer }) => layer === 'application')
    .flatMap(({ contract }) =>
      Object.entries(contract.operations).map(([operation, op]) => ({
        operation,
        method: op.route!.method,
        path: op.route!.path,
        op,
      })),
    )
  const find = (what: string, matches: (sample: Sample) => boolean): Sample => {
    const sample = all.find(matches)
    if (!sample) throw new Error(`No operation is ${what}: the suite needs one`)
    return sample
  }
  const isList = ({ method, path, op }: Sample) =>
    method === 'GET' && op.kind === 'query' && !hasParameter(path) && !needsInput(op)
  const list = find(
    'a list that HR admins read, employees do not, and whose items are readable by id',
    (sample) =>
      isList(sample) &&
      !sample.op.roles!.employee &&
      sample.op.roles!['hr-admin'] === 'all' &&
      all.some(({ method, path }) => method === 'GET' && isItemOf(path, sample.path)),
  )
  return {
    list,
    /** The path of one item of the list. */
    item: (id: string) =>
      all
        .find(({ method, path }) => method === 'GET' && isItemOf(path, list.path))!
        .path.replace(/\{\w+\}/, id),
    json: find(
      'a command of HR admins with a JSON body',
      ({ method, path, op }) =>
        method === 'POST' && !hasParameter(path) && !op.upload && Boolean(op.roles!['hr-admin']),
    ),
    upload: all.find(({ path, op }) => op.upload && !hasParameter(path)),
    events: all.find(({ path, op }) => op.sse && !hasParameter(path)),
    /** Operations that no client outside may reach. */
    inside: services
      .filter(({ layer }) => layer === 'data')
      .flatMap(({ contract }) => Object.keys(contract.operations).map((operation) => `/${operation}`)),
    publicForm: services
      .flatMap(({ publicPaths }) => publicPaths)
      .find(({ methods, path }) => methods.includes('POST') && !hasParameter(path)),
  }
}

const isItemOf = (path: string, list: string) =>
  path.startsWith(`${list}/{`) && !path.slice(list.length + 1).includes('/')
