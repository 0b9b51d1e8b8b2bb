import { backgroundCall, type Call } from '#kit/call.ts'
import { clientOf } from '#kit/client.ts'
import { lifecycleService } from './service.ts'
import { jobTokens } from './tokens.ts'

export type Clients = ReturnType<typeof connect>

/** The data services that lifecycle talks to, and calls that carry a job token of a tenant. */
export function connect(addresses: Partial<Record<'directory' | 'identity' | 'leave', string>> = {}) {
  const directory = clientOf(lifecycleService, 'directory', addresses.directory)
  const identity = clientOf(lifecycleService, 'identity', addresses.identity)
  const leave = clientOf(lifecycleService, 'leave', addresses.leave)
  const tokenFor = jobTokens((tenant) =>
    identity(backgroundCall({ service: 'lifecycle', operation: 'job-token', deadline: 3000 })).issueJobToken({
      tenant,
    }),
  )
  return {
    directory,
    identity,
    leave,
    /** A call for background work in a tenant. */
    async jobCall(options: {
      tenant: string
      operation: string
      idempotencyKey: string | undefined
      deadline: number
      traceparent?: string | undefined
    }): Promise<Call> {
      const { traceparent, idempotencyKey, ...rest } = options
      return backgroundCall({
        service: 'lifecycle',
        ...rest,
        ...(idempotencyKey ? { idempotencyKey } : {}),
        ...(traceparent ? { traceparent } : {}),
        token: await tokenFor(options.tenant),
      })
    },
  }
}
