import { log } from '#kit/log.ts'
import { accessTokenLifetime } from '../config.ts'
import { promoteNextKey, replaceFormerKey } from '../keys.ts'
import { Cluster } from './cluster.ts'
import type { RotationConfig } from './config.ts'
import type { Io } from './io.ts'
import { KeyRing } from './key-ring.ts'
import { refusing } from './proof.ts'
import { publish } from './publish.ts'
import { Pods } from './restart.ts'

/** Seconds: pods that are replaced end what they have begun, clocks differ. */
const margin = 120

/** Milliseconds: how long to wait until all take the new key, until the pods are replaced, and between two looks. */
const patience = { proof: 5 * 60_000, restart: 15 * 60_000, look: 2000 }

/**
 * Rotates the signing keys: the next key is proven to be known everywhere, then signs; when all that the former key
 * has signed has expired it is removed, and another next key is published in its place.
 *
 * What is done stands in the cluster, so a Job that was killed anywhere goes on where it was; one that is done does
 * nothing. Throws, with the remedy, where something does not come about in time; then nothing is taken back.
 */
export async function rotate(config: RotationConfig, io: Io): Promise<void> {
  const cluster = new Cluster(io.api)
  const ring = await KeyRing.claim(cluster, config, io)
  const pods = new Pods(cluster, config, io)
  for (let phase = ring?.phase; ring && phase; phase = ring.phase) {
    log.info({ phase, kids: ring.keys.keys.map(({ kid }) => kid) }, 'rotating the signing keys')
    if (phase === 'publishing') {
      await makeKnown(ring)
      await ring.enter('switching', { keys: promoteNextKey(ring.keys) })
    } else if (phase === 'switching') {
      await haveRead(ring)
      await ring.enter('retiring', { switchedAt: io.now() })
    } else if (phase === 'retiring') {
      await expired(ring)
      await ring.enter('renewing', { keys: await replaceFormerKey(ring.keys) })
    } else {
      await makeKnown(ring)
      await ring.enter(null)
    }
  }
  log.info({}, 'the signing keys are rotated')

  /** All keys are published, and the next one is taken by all who check tokens. */
  async function makeKnown(ring: KeyRing): Promise<void> {
    const next = ring.keys.keys[1]!
    await publish(cluster, config, ring.keys)
    await haveRead(ring)
    let found: string | undefined
    const isTaken = await within(patience.proof, ring, async () => {
      found = await refusing(config, io, next)
      return !found
    })
    if (!isTaken)
      throw new Error(
        `Not everybody takes tokens of the key ${next.kid}: ${found}. No token was signed with it, and it stays published: find out why (istioctl proxy-status, events of the edge), then run the Job again`,
      )
  }

  /** All pods of identity have the keys of the Secret. */
  async function haveRead(ring: KeyRing): Promise<void> {
    if (await pods.have(ring.keys)) return
    await pods.replace()
    if (
      !(await within(patience.restart, ring, () => pods.areReplaced())) ||
      !(await within(patience.proof, ring, () => pods.have(ring.keys)))
    )
      throw new Error(
        `${config.deployments.join(' and ')} had its pods replaced, but not all of its pods have read the keys: look at its rollout and at what the edge answers for the JWKS, then run the Job again`,
      )
  }

  async function expired(ring: KeyRing): Promise<void> {
    const end = ring.switchedAt + (accessTokenLifetime + margin) * 1000
    while (io.now() < end) {
      await io.sleep(Math.min(end - io.now(), 10_000))
      await ring.showAlive()
    }
  }

  async function within(ms: number, ring: KeyRing, holds: () => Promise<boolean>): Promise<boolean> {
    const end = io.now() + ms
    while (!(await holds())) {
      if (io.now() >= end) return false
      await io.sleep(patience.look)
      await ring.showAlive()
    }
    return true
  }
}
