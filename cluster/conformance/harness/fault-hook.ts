import { type IncomingMessage, Server, type ServerResponse } from 'node:http'

// Loaded into a service's process before the service itself (faults.ts): it sees each request first, notes it down, and
// harms those that it is told to. It stands alone, so that it can be mounted as one file.

/** What happens to requests whose path matches. */
export interface Fault {
  /** Source of a regular expression over the whole path. */
  path: string
  /**
   * - `answer`: with a status, in place of the service, which never sees it
   * - `reset`: the connection breaks off before the service sees it
   * - `cut`: the service does its work to the end, and the connection breaks off in place of its answer
   * - `wait`: the service sees it some time later, whether or not somebody still waits
   */
  how: 'answer' | 'reset' | 'cut' | 'wait'
  /** Of an answer. */
  status?: number
  /** Milliseconds to wait. */
  ms?: number
  /** So many requests only, those that come first. */
  times?: number
}

/** A request that reached this replica. */
export interface Arrival {
  method: string
  path: string
  requestId: string
  /** Of this hop, from 1, as the caller's proxy counts. */
  attempt: number
}

/** What GET answers. */
export interface Notes {
  arrivals: Arrival[]
  /** Requests that the service is yet to see. */
  waiting: number
}

/** GET tells what has arrived, PUT sets the faults and forgets what has arrived. */
export const control = '/conformance/faults'

let faults: Fault[] = []
let arrivals: Arrival[] = []
let waiting = 0

const emit = Server.prototype.emit
Server.prototype.emit = function (event: string | symbol, ...args: unknown[]) {
  if (event !== 'request') return emit.call(this, event, ...args)
  const [request, response] = args as [IncomingMessage, ServerResponse]
  const path = request.url!.split('?')[0]!
  if (path === control) return answerControl(request, response)
  const { 'x-request-id': requestId, 'x-envoy-attempt-count': attempt } = request.headers
  arrivals.push({ method: request.method!, path, requestId: String(requestId), attempt: Number(attempt) })
  const pass = () => emit.call(this, event, ...args)
  const fault = faults.find(({ path: told, times }) => times !== 0 && new RegExp(`^(?:${told})$`).test(path))
  if (!fault) return pass()
  if (fault.times) fault.times--
  return harm(fault, request, response, pass)
}

function harm(
  { how, status = 503, ms }: Fault,
  request: IncomingMessage,
  response: ServerResponse,
  pass: () => boolean,
): boolean {
  const { socket } = request
  if (how === 'answer') response.writeHead(status).end()
  else if (how === 'reset') socket.resetAndDestroy()
  else if (how === 'wait') {
    waiting++
    setTimeout(() => {
      waiting--
      pass()
    }, ms)
  } else {
    const cut = () => {
      socket.resetAndDestroy()
      return response
    }
    Object.assign(response, { writeHead: cut, write: cut, end: cut })
    return pass()
  }
  return true
}

function answerControl(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method === 'GET') response.end(JSON.stringify({ arrivals, waiting } satisfies Notes))
  else {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      faults = JSON.parse(text)
      arrivals = []
      response.end()
    })
  }
  return true
}
