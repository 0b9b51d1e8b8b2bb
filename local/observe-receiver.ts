/**
 * Takes the spans of all processes and appends them to a file, so that the local run needs no collector. Where a
 * viewer runs (`VIEWER_OTLP_URL`), it gets them too.
 */
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { json } from 'node:stream/consumers'
import { integer, required } from '#kit/config.ts'
import { listen, onShutdown } from '#kit/listen.ts'
import { log } from '#kit/log.ts'
import { spanFiles } from './observe-spans.ts'

/** Bytes after which a file is put aside. An idle system fills it in hours; both are read in about a second. */
const fullAt = 32 * 2 ** 20

const files = spanFiles(required(process.env, 'DATA_DIR'))
const viewer = process.env.VIEWER_OTLP_URL
const type = 'application/json'

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/v1/traces') return answer(response, 404)
  // Which no web page may send here unasked.
  if (request.headers['content-type'] !== type) return answer(response, 415)
  // Anew, so that it is a line.
  const body = JSON.stringify(await json(request))
  keep(body)
  if (viewer)
    await fetch(`${viewer}/v1/traces`, { method: 'POST', headers: { 'content-type': type }, body }).catch(
      (error) => log.warn({ err: error }, 'the viewer does not take spans'),
    )
  answer(response, 200)
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': type }).end('{}')
}

function keep(body: string): void {
  const size = statSync(files.current, { throwIfNoEntry: false })?.size ?? 0
  if (size > fullAt) renameSync(files.current, files.previous)
  appendFileSync(files.current, `${body}\n`, { mode: 0o600 })
}

mkdirSync(dirname(files.current), { recursive: true, mode: 0o700 })
const config = { host: '127.0.0.1', port: integer(process.env, 'PORT', 4318) }
const server = await listen(
  (request, response) =>
    void receive(request, response).catch((error) => {
      log.error({ err: error }, 'spans are lost')
      response.destroy()
    }),
  config,
  async () => true,
)
onShutdown({ grace: integer(process.env, 'SHUTDOWN_GRACE_MS', 8000), exitWithParent: true }, server.drain)
