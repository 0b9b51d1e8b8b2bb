import { Refusal, run } from '../shell.ts'
import { addresses, interfaceName } from './addresses.ts'
import type { Node } from './namespaces.ts'

/** A cable between this machine and the node; it goes when the node goes. Pods and services are behind the node only. */
export async function connect(node: Node): Promise<void> {
  const { host, node: own, prefix } = addresses
  const links = JSON.parse(await run('ip', ['-json', 'link', 'show'])) as { ifname: string }[]
  if (links.some(({ ifname }) => ifname === interfaceName)) return
  await run('ip', [
    'link',
    'add',
    interfaceName,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    String(node.holder),
  ])
  await run('ip', ['address', 'add', `${host}/${prefix}`, 'dev', interfaceName])
  await run('ip', ['link', 'set', interfaceName, 'up'])
  await node.run('ip', ['address', 'add', `${own}/${prefix}`, 'dev', 'eth0'])
  await node.run('ip', ['link', 'set', 'eth0', 'up'])
  await node.run('ip', ['route', 'add', 'default', 'via', host])
}

/** The node's network must be nobody else's. */
export async function refuseOverlap(): Promise<void> {
  const [route] = JSON.parse(await run('ip', ['-json', 'route', 'get', addresses.node])) as {
    dev: string
    gateway?: string
  }[]
  // Through a gateway it is the way to everywhere; without, some network of this machine has the address.
  if (route && !route.gateway)
    throw new Refusal(
      `This machine already reaches ${addresses.node} through ${route.dev}: change cluster/node/addresses.ts to a free network`,
    )
}
