import type { Built } from '../images/build.ts'
import type { Node } from './namespaces.ts'

const ctr = (node: Node, ...args: string[]) => node.run('ctr', ['--namespace', 'k8s.io', 'images', ...args])

/** References of all images, and the digest that each stands for. */
const imagesOf = async (node: Node): Promise<[string, string][]> =>
  // REF TYPE DIGEST …
  (await ctr(node, 'list'))
    .split('\n')
    .slice(1)
    .filter(Boolean)
    .map((line) => line.split(/\s+/) as [string, string, string])
    .map(([ref, , digest]) => [ref, digest])

/** Removes the images of all other digests; what runs goes on. */
export async function removeOtherImages(node: Node, kept: ReadonlySet<string>): Promise<void> {
  const others = (await imagesOf(node)).filter(([, digest]) => !kept.has(digest)).map(([ref]) => ref)
  if (others.length > 0) await ctr(node, 'remove', '--sync', ...others)
}

/**
 * Brings the node's images up to those of the registry, since the kubelet asks for a tag that it has no second time.
 * Answers with the references that stand for something else now.
 */
export async function refreshImages(node: Node, built: Readonly<Record<string, Built>>): Promise<string[]> {
  const there = new Map(await imagesOf(node))
  const stale = Object.values(built).filter(
    ({ reference, digest }) => there.has(reference) && there.get(reference) !== digest,
  )
  for (const { reference, digest } of stale) {
    // By its digest first: the kubelet tells by that what a pod runs.
    const exact = `${reference.slice(0, reference.lastIndexOf(':'))}@${digest}`
    await ctr(node, 'pull', '--plain-http', exact)
    await ctr(node, 'tag', '--force', exact, reference)
  }
  return stale.map(({ reference }) => reference)
}
