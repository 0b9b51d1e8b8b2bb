import { rm } from 'node:fs/promises'
import { removeCgroups } from './cgroups.ts'
import { folders } from './folders.ts'
import { endNode, findNode } from './namespaces.ts'

/** Ends the node, however it was started and whatever of it is left; answers whether there was one. */
export async function stopNode(): Promise<boolean> {
  const node = await findNode()
  if (node) await endNode(node)
  await removeCgroups()
  await rm(folders().node, { recursive: true, force: true })
  return node !== undefined
}
