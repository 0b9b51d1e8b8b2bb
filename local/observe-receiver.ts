/**
 * Takes the spans of all processes and appends them to a file, so that the local run needs no collector. Where there
 * is a viewer (`VIEWER`), starts it and hands them on.
 */
import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { json } from 'node:stream/consumers'
import { integer, required } from '#kit/config.ts'
import { listen, onShutdown } from '#kit/listen.ts'
import { log } from '#kit/log.ts'
import { spanFiles } from './observe-spans.ts'
import type { Viewer } from './observe-viewer.ts'

/** Bytes after which a file is put aside; two full ones are read in about two seconds. */
const fullAt = 32 * 2 ** 20

const files = spanFiles(required(process.env, 'DATA_DIR'))
const viewer = process.env.VIEWER ? (JSON.parse(process.env.VIEWER) as Viewer) : undefined
const type = 'application/json'

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/v1/traces') return answer(response, 404)
  // Which no web page may send here unasked.
  if (request.headers['content-type'] !== type) return answer(response, 415)
  // Anew, so that it is a line.
  const body = JSON.stringify(await json(request))
  keep(body)
  if (viewer) await show(body, viewer)
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

/** The viewer's parent is this shell: it ends the viewer when its standard input closes, however we end. */
const guardian = `
exec 3<&0 </dev/null
"$@" 3<&- & viewer=$!
{ read -r _ <&3; kill "$viewer"; } &
wait "$viewer"
`

function startViewer({ command }: Viewer): () => void {
  const shell = spawn('/bin/sh', ['-c', guardian, 'staffmesh-viewer', ...command], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  const fail = (code: number | null) => {
    log.fatal({ code }, 'the viewer has ended')
    process.exit(1)
  }
  shell.on('exit', fail)
  return () => {
    shell.off('exit', fail)
    shell.stdin.end()
  }
}

async function show(body: string, { otlpUrl }: Viewer): Promise<void> {
  const request = { method: 'POST', headers: { 'content-type': type }, body }
  const status = await fetch(`${otlpUrl}/v1/traces`, request).then(
    (response) => response.status,
    () => undefined,
  )
  if (status !== 200) log.warn({ status }, 'the viewer does not take spans')
}

const shows = ({ url }: Viewer) =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

mkdirSync(dirname(files.current), { recursive: true, mode: 0o700 })
const stopViewer = viewer && startViewer(viewer)
const config = { host: '127.0.0.1', port: integer(process.env, 'PORT', 4318) }
const server = await listen(
  (request, response) =>
    void receive(request, response).catch((error) => {
      log.error({ err: error }, 'spans are lost')
      response.destroy()
    }),
  config,
  async () => !viewer || shows(viewer),
)
onShutdown({ grace: integer(process.env, 'SHUTDOWN_GRACE_MS', 8000), exitWithParent: true }, async () => {
  await server.drain()
  stopViewer?.()
})
