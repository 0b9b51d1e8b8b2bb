import type { IncomingHttpHeaders } from 'node:http'
import { isIP, isIPv6, type Socket } from 'node:net'

interface Received {
  headers: IncomingHttpHeaders
  socket: Pick<Socket, 'remoteAddress'>
}

/**
 * The address of the client: of the socket, or what the outermost trusted proxy has seen. What stands further left in
 * X-Forwarded-For the client may have made up.
 */
export function clientAddress({ headers, socket }: Received, trustedProxies: number): string {
  const forwarded = trustedProxies > 0 ? String(headers['x-forwarded-for'] ?? '').split(',') : []
  const address = forwarded.at(-trustedProxies)?.trim() ?? ''
  return plain(isIP(address) ? address : (socket.remoteAddress ?? ''))
}

/** IPv4 in its own notation, also on a socket that takes IPv6 too. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/, '')

/** The key of an address: one host has a whole /64 of IPv6 addresses, so that is what is counted. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':')
    while (groups.length + last.length < 8) groups.push('0')
    groups.push(...last)
  }
  return groups.slice(0, 4).join(':')
}
