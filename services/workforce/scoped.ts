import { type Call, scopeOf } from '#kit/call.ts'

/** The input of the data operation: that of the REST operation, and the reach of the caller's roles. */
export const scoped = <I extends object>(input: I, call: Call) => ({ ...input, scope: scopeOf(call) })
