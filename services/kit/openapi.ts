import { z } from 'zod'
import { type Contract, type Operation, type Problem, type Route, routeOf } from './contract.ts'
import { kitProblems, problemBase } from './problem.ts'

type Json = Record<string, unknown>

export interface OpenApiOptions {
  /** Version of the API, e.g. that of the package. */
  version: string
  /** The OpenID Connect issuer whose tokens the API takes. */
  issuer: string
  /** Where the API is; paths are relative to it. */
  server?: string
}

export interface OpenApiDocument {
  openapi: '3.1.1'
  info: Json
  servers: Json[]
  security: Json[]
  paths: Record<string, Json>
  components: { schemas: Json; responses: Json; securitySchemes: Json }
}

/** What operations share; filled while they are described. */
interface Components {
  schemas: Json
  responses: Json
}

/** One OpenAPI 3.1 document of all operations that a user token may call. */
export function openApi(contracts: readonly Contract[], options: OpenApiOptions): OpenApiDocument {
  const components: Components = { schemas: { Problem: problemSchema }, responses: {} }
  const paths: Record<string, Json> = {}
  const seen = new Set<string>()
  for (const contract of contracts)
    for (const [name, op] of Object.entries(contract.operations)) {
      if (!op.access.includes('user')) continue
      if (seen.has(name)) throw new Error(`Two operations are called ${name}: rename one`)
      seen.add(name)
      const { method, path } = routeOf(name, op)
      paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(contract, name, op, components) }
    }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Staffmesh',
      version: options.version,
      description:
        'Problems are RFC 9457 documents: `type` names the broken rule, `pointer` and `errors[].pointer` the field. ' +
        'Pages are read with `cursor`; `asOf` answers with what was, is or will be true on a date.',
    },
    servers: [{ url: options.server ?? '/' }],
    security: [{ login: ['openid'] }],
    paths,
    components: {
      schemas: sorted(components.schemas),
      responses: sorted(components.responses),
      securitySchemes: { login: login(options.issuer) },
    },
  }
}

const login = (issuer: string) => ({
  type: 'oauth2',
  description: `OpenID Connect provider: ${issuer}/.well-known/openid-configuration`,
  flows: {
    authorizationCode: {
      authorizationUrl: `${issuer}/auth`,
      tokenUrl: `${issuer}/token`,
      refreshUrl: `${issuer}/token`,
      scopes: { openid: 'Who you are, and what your roles allow', offline_access: 'Stay logged in' },
    },
  },
})

function operationOf(contract: Contract, name: string, op: Operation, components: Components): Json {
  const route = routeOf(name, op)
  const input = schemaOf(op.input, 'input', components)
  const { parameters, body } = placed(op, route, input)
  return {
    operationId: name,
    tags: [tagOf(contract, route)],
    summary: op.summary,
    ...(op.roles ? { description: rolesText(op.roles) } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: body } : {}),
    responses: { ...success(op, route, components), ...problemResponses(contract, op, route, components) },
  }
}

const tagOf = (contract: Contract, route: Route) => route.path.split('/')[2] ?? contract.service

const rolesText = (roles: NonNullable<Operation['roles']>) =>
  `Roles: ${Object.entries(roles)
    .map(([role, reach]) => `\`${role}\` (${reach})`)
    .join(', ')}`

/** Where the kit's server reads each field of the input: path, If-Match, query or body. */
function placed(op: Operation, route: Route, input: Json) {
  const properties = { ...(input.properties as Record<string, Json>) }
  const required = new Set(input.required as string[] | undefined)
  const parameters: Json[] = []
  const take = (name: string, place: 'path' | 'query') => {
    const { description, ...schema } = properties[name] ?? {}
    parameters.push({
      name,
      in: place,
      required: place === 'path' || required.has(name),
      ...(description ? { description } : {}),
      schema,
    })
    delete properties[name]
  }
  for (const [, name] of route.path.matchAll(/\{(\w+)\}/g)) take(name!, 'path')
  if (route.ifMatch) {
    delete properties[route.ifMatch]
    parameters.push(ifMatch)
  }
  if (op.kind === 'command') parameters.push({ ...idempotencyKey, required: !op.route })

  const hasQuery = op.upload || route.method === 'GET' || route.method === 'DELETE'
  if (hasQuery) for (const name of Object.keys(properties)) take(name, 'query')
  if (op.upload) return { parameters, body: csvBody(op.upload) }
  if (hasQuery) return { parameters, body: undefined }
  const names = Object.keys(properties).filter((name) => required.has(name))
  const schema = { ...input, properties, ...(names.length > 0 ? { required: names } : {}) }
  if (names.length === 0) delete (schema as Json).required
  return { parameters, body: { required: true, content: { 'application/json': { schema } } } }
}

const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: true,
  description: 'The ETag of your last read: the change is refused if the object has changed since',
  schema: { type: 'string', examples: ['"3"'] },
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Any unique text: a request that repeats it gets the answer of the first, and nothing is done twice',
  schema: { type: 'string', maxLength: 128 },
}

const csvBody = (upload: NonNullable<Operation['upload']>) => ({
  required: true,
  description: `At most ${upload.maxBytes} bytes, UTF-8`,
  content: { [upload.type]: { schema: { type: 'string' } } },
})

function success(op: Operation, route: Route, components: Components): Json {
  const schema = schemaOf(op.output, 'output', components)
  const hasVersion = op.output instanceof z.ZodObject && 'version' in op.output.shape
  const content = op.sse
    ? {
        'text/event-stream': {
          schema: {
            type: 'string',
            description: 'Server-sent events; `data` of each is JSON',
            contentSchema: schema,
          },
        },
      }
    : { 'application/json': { schema } }
  return {
    [route.status ?? 200]: {
      description: 'Done',
      ...(hasVersion
        ? { headers: { ETag: { description: 'The version', schema: { type: 'string' } } } }
        : {}),
      content,
    },
  }
}

/** What may go wrong, by status; the codes of a status are the possible values of `type`. */
function problemResponses(contract: Contract, op: Operation, route: Route, components: Components): Json {
  const codes = new Map<number, [string, Problem][]>()
  const problems: Record<string, Problem> = { ...kitProblems, ...contract.problems }
  for (const code of new Set([...kitCodes(op, route), ...op.errors])) {
    const problem = problems[code]!
    codes.set(problem.status, [...(codes.get(problem.status) ?? []), [code, problem]])
  }
  const responses: Json = {}
  for (const [status, entries] of [...codes].sort(([a], [b]) => a - b)) {
    const response = problemResponse(entries)
    const [only, ...others] = entries.map(([code]) => code)
    if (only && others.length === 0) components.responses[only] = response
    responses[status] = others.length === 0 ? { $ref: `#/components/responses/${only}` } : response
  }
  return responses
}

const problemResponse = (entries: [string, Problem][]) => ({
  description: entries.map(([, { title }]) => title).join('; or: '),
  content: {
    'application/problem+json': {
      schema: {
        $ref: '#/components/schemas/Problem',
        properties: { type: { enum: entries.map(([code]) => problemBase + code) } },
      },
    },
  },
})

/** The kit's own problems that this operation can answer. */
function kitCodes(op: Operation, route: Route): (keyof typeof kitProblems)[] {
  const hasBody = op.upload !== undefined || !['GET', 'DELETE'].includes(route.method)
  return [
    ...(hasBody ? (['body-too-large', 'unsupported-media-type'] as const) : []),
    ...(hasBody && !op.upload ? (['malformed-json'] as const) : []),
    ...(op.kind === 'command'
      ? (['malformed-header', 'idempotency-conflict', 'idempotency-key-reused'] as const)
      : []),
    ...(route.ifMatch ? (['version-conflict', 'precondition-required'] as const) : []),
    'unauthenticated',
    'forbidden',
    'invalid-input',
    'too-many-requests',
    'internal',
    'bad-gateway',
    'unavailable',
    'deadline-exceeded',
  ]
}

/** JSON Schema of a zod type; what has an `id` in its meta becomes a shared component. */
function schemaOf(type: z.ZodType, io: 'input' | 'output', components: Components): Json {
  const {
    $schema: _,
    $defs = {},
    ...schema
  } = z.toJSONSchema(type, {
    io,
    override({ jsonSchema }) {
      // Clients ignore fields that they don't know, so that the API can grow.
      if (io === 'output') delete jsonSchema.additionalProperties
      if (jsonSchema.format) delete jsonSchema.pattern
      delete jsonSchema.id
    },
  })
  for (const [name, definition] of Object.entries($defs)) {
    const component = relocated(definition)
    const known = components.schemas[name]
    if (known && JSON.stringify(known) !== JSON.stringify(component))
      throw new Error(`Two schemas have the id ${name}: rename one`)
    components.schemas[name] = component
  }
  return relocated(schema)
}

/** Points references at the components of the document. */
function relocated(schema: object): Json {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', '#/components/schemas/') : value,
  )
}

const sorted = (object: Json) =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))

const problemSchema = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string', format: 'uri', description: 'Which rule was broken; stable' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    pointer: { type: 'string', description: 'JSON pointer (RFC 6901) to the field' },
    errors: {
      type: 'array',
      description: 'Every broken rule of the input',
      items: {
        type: 'object',
        required: ['pointer', 'rule', 'detail'],
        properties: {
          pointer: { type: 'string' },
          rule: { type: 'string' },
          detail: { type: 'string' },
        },
      },
    },
  },
}
