import { createHash, randomBytes } from 'node:crypto'
import { type Call, callerOf } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Reach, Role } from '#kit/contract.ts'
import type { Database } from '#kit/database.ts'
import { DomainError } from '#kit/problem.ts'
import type { Tx } from '#kit/tx.ts'
import { type Answer, demandAdministrator, type Input, refuse } from './access.ts'
import { mayChange } from './domain/roles.ts'
import * as store from './store/clients.ts'

/**
 * The answer is not kept for replay, since it holds a secret. The client's id follows from the idempotency key
 * instead: a retry finds the client and gives it another secret.
 */
export const registerMachineClient =
  (database: Database) =>
  async (input: Input<'registerMachineClient'>, call: Call): Promise<Answer<'registerMachineClient'>> => {
    const key = call.idempotencyKey
    if (!key) throw new DomainError('idempotency-key-required')
    return database.write(call, async (tx) => {
      demandAdministrator(tx)
      // It has no employment of its own from which a narrower reach could be told.
      const isPossible = input.roles.every(({ reach }) => reach === 'all')
      if (!isPossible || !mayChange(callerOf(call).grants, [], input.roles))
        throw refuse('role-not-grantable', { pointer: '/roles' })
      const secret = randomBytes(32).toString('base64url')
      const id = idFrom([tx.tenant, callerOf(call).account, key].join('\n'))
      const client = viewOf(await store.saveMachineClient(tx, { id, secret, ...input }))
      tx.emit({ kind: 'machine-client-registered', id, version: 1 })
      tx.audit({ object: 'client', id, after: { name: client.name, roles: client.roles } })
      return { client, clientSecret: secret }
    })
  }

export const machineClientHandlers = {
  async removeMachineClient({ clientId }: Input<'removeMachineClient'>, tx: CommandTx) {
    demandAdministrator(tx)
    const removed = await store.deleteMachineClient(tx, clientId)
    if (!removed) throw refuse('client-not-found')
    const client = viewOf(removed)
    tx.emit({ kind: 'machine-client-removed', id: clientId, version: 2 })
    tx.audit({ object: 'client', id: clientId, before: { name: client.name, roles: client.roles } })
    return client
  },

  async listMachineClients(_input: Input<'listMachineClients'>, tx: Tx) {
    demandAdministrator(tx)
    return { items: (await store.listMachineClients(tx)).map(viewOf) }
  },
}

function viewOf(client: store.MachineClient): Answer<'removeMachineClient'> {
  const roles = client.roles.map((entry) => {
    const [role, reach] = entry.split(':')
    return { role: role as Role, reach: reach as Reach }
  })
  return { ...client, roles, createdAt: client.createdAt.toISOString() }
}

/** A UUID (version 8, RFC 9562) of a text. */
function idFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
