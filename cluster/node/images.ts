import type { Built } from '../images/build.ts'
import type { Node } from './namespaces.ts'

const ctr = (node: Node, ...args: string[]) => node.run('ctr', ['--namespace', 'k8s.io', 'images', ...args])

/**
 * Brings the node's images up to those of the registry, since the kubelet asks for a tag that it has no second time.
 * Answers with the references that stand for something else now.
 */
export async function refreshImages(node: Node, built: Readonly<Record<string, Built>>): Promise<string[]> {
  // REF TYPE DIGEST …
  const there = new Map(
    (await ctr(node, 'list'))
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/))
      .map(([ref, , digest]) => [ref, digest]),
  )
  const stale = Object.values(built).filter(
    ({ reference, digest }) => there.has(reference) && there.get(reference) !== digest,
  )
  for (const { reference } of stale) await ctr(node, 'pull', '--plain-http', reference)
  return stale.map(({ reference }) => reference)
}
