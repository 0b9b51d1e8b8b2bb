import { run } from '../../shell.ts'
import type { PodRef } from './kubernetes.ts'
import { evaluateIn } from './requests.ts'

/** A connection, and the first words on it. */
export interface Knock {
  host: string
  port: number
  /** One character a byte. */
  words: string
  /** Speaks TLS, with these options of tls.connect; whoever answers is believed. */
  tls?: { key?: string; cert?: string; ca?: string; ALPNProtocols?: string[]; maxVersion?: 'TLSv1.2' }
}

export interface Heard {
  /** Whether a TCP connection was made: below the mesh, packets pass. */
  connected: boolean
  /** What was said back, one character a byte; empty where nobody did within three seconds. */
  answer: string
  /** Why it ended without an answer: a code of Node or OpenSSL, `closed`, or `silence`. */
  ended?: string
  /** TLS: the alternative names of the peer's certificate, and whether `ca` vouches for it. */
  peer?: string
  vouched?: boolean
}

/** Runs in the pod: knocks as JSON from standard input, what was heard as JSON to standard output. */
const client = `
import net from 'node:net'
import tls from 'node:tls'
let text = ''
for await (const chunk of process.stdin) text += chunk
const knock = ({ host, port, words, tls: options }) =>
  new Promise((resolve) => {
    const heard = { connected: false, answer: '' }
    const tcp = net.connect(port, host)
    const socket = options ? tls.connect({ socket: tcp, rejectUnauthorized: false, checkServerIdentity: () => {}, ...options }) : tcp
    const end = (ended) => {
      socket.destroy()
      tcp.destroy()
      resolve({ ...heard, ...(ended ? { ended } : {}) })
    }
    setTimeout(() => end('silence'), 3000).unref()
    tcp.once('connect', () => {
      heard.connected = true
    })
    socket.once(options ? 'secureConnect' : 'connect', () => {
      if (options) {
        heard.peer = socket.getPeerCertificate().subjectaltname
        heard.vouched = socket.authorized
      }
      socket.write(words, 'latin1')
    })
    socket.once('data', (data) => {
      heard.answer = data.toString('latin1').slice(0, 1000)
      end()
    })
    for (const each of new Set([tcp, socket])) each.once('error', (error) => end(error.code ?? error.message))
    socket.once('close', () => end('closed'))
  })
const knocks = JSON.parse(text)
const heard = []
let next = 0
async function work() {
  while (next < knocks.length) {
    const index = next++
    heard[index] = await knock(knocks[index])
  }
}
// Fewer than a proxy holds open to one place: beyond that it answers 503 itself.
await Promise.all(Array.from({ length: 100 }, work))
process.stdout.write(JSON.stringify(heard), () => process.exit())
`

/** Knocks from inside a pod that has Node, as the workload that it is. */
export const knockFrom = async (pod: PodRef, knocks: readonly Knock[]) =>
  JSON.parse(await evaluateIn(pod, client, JSON.stringify(knocks))) as Heard[]

/** Knocks from here: at the end of a tunnel. */
export async function knockHere(knock: Knock): Promise<Heard> {
  const [heard] = JSON.parse(
    await run(process.execPath, ['--input-type=module', '--eval', client], {
      input: JSON.stringify([knock]),
    }),
  ) as Heard[]
  return heard!
}

/** What a server of a protocol answers to, without knowing who asks. Ports say theirs in the first part of their name. */
const greetings: Readonly<Record<string, string>> = {
  http: 'GET / HTTP/1.1\r\nHost: conformance\r\nConnection: close\r\n\r\n',
  // The preface of HTTP/2 and an empty SETTINGS frame.
  grpc: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  // SSLRequest.
  'tcp-postgres': '\0\0\0\x08\x04\xd2\x16\x2f',
  'tcp-redis': 'PING\r\n',
}

/** The first words for a port of that name. */
export function greetingOf(port: string): string {
  const words = greetings[port] ?? greetings[port.split('-')[0]!]
  if (!words) throw new Error(`Nobody knows what port ${port} speaks: say in greetings what it answers to`)
  return words
}
