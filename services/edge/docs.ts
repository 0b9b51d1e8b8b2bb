import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname } from 'node:path'
import type { Service } from '#kit/service.ts'
import packageJson from '../../package.json' with { type: 'json' }
import type { Exchange } from './exchange.ts'

/** What the edge serves itself, by path. */
export type Pages = ReadonlyMap<string, (exchange: Exchange) => Promise<void>>

/** Everything comes from here: no CDN, no inline script. The viewer sets styles of its own on elements. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  png: 'image/png',
} as const

const require = createRequire(import.meta.url)
const own = new URL('./docs/', import.meta.url)

const files: Record<string, string | URL> = {
  '/docs': new URL('index.html', own),
  '/docs/start.js': new URL('start.js', own),
  '/docs/start.css': new URL('start.css', own),
  '/docs/swagger-ui.css': require.resolve('swagger-ui-dist/swagger-ui.css'),
  '/docs/swagger-ui-bundle.js': require.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
  '/docs/oauth2-redirect.html': require.resolve('swagger-ui-dist/oauth2-redirect.html'),
  '/docs/oauth2-redirect.js': require.resolve('swagger-ui-dist/oauth2-redirect.js'),
  '/docs/favicon.png': require.resolve('swagger-ui-dist/favicon-32x32.png'),
}

/** The API description and its viewer, in which a person logs in and tries operations. */
export function docsPages(services: readonly Service[], publicUrl: URL, issuer: string): Pages {
  const pages = new Map<string, (exchange: Exchange) => Promise<void>>()
  for (const [path, file] of Object.entries(files)) pages.set(path, (exchange) => send(exchange, file))

  const description = once(async () => {
    // Loaded when first asked for: most edges are never asked.
    const { openApi } = await import('#kit/openapi.ts')
    const contracts = services.filter(({ layer }) => layer === 'application').map(({ contract }) => contract)
    return JSON.stringify(
      openApi(contracts, { version: packageJson.version, issuer, server: publicUrl.origin }),
    )
  })
  pages.set('/openapi.json', async (exchange) =>
    answer(exchange, types.json, Buffer.from(await description())),
  )
  pages.set('/', async (exchange) => redirect(exchange, publicUrl))

  const page = pages.get('/docs')!
  // A login comes back to the public address: a page opened under another name of the host would never see it.
  pages.set('/docs', async (exchange) =>
    exchange.request.headers.host === publicUrl.host ? page(exchange) : redirect(exchange, publicUrl),
  )
  return pages
}

const redirect = (exchange: Exchange, publicUrl: URL) =>
  exchange.answer(302, { location: new URL('/docs', publicUrl).href })

async function send(exchange: Exchange, file: string | URL): Promise<void> {
  const ending = extname(String(file)).slice(1) as keyof typeof types
  answer(exchange, types[ending], await readFile(file))
}

function answer(exchange: Exchange, type: string, body: Buffer): void {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const headers = {
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
    etag,
  }
  if (exchange.request.headers['if-none-match'] === etag) exchange.answer(304, headers)
  else exchange.answer(200, { ...headers, 'content-type': type }, body)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
