import { Transform, type TransformCallback } from 'node:stream'
import { DomainError } from '#kit/problem.ts'
import type { Exchange } from './exchange.ts'
import type { Target } from './routes.ts'

const tooLarge = (limit: number) => new DomainError('body-too-large', { detail: `At most ${limit} bytes` })

/** Refuses what announces a larger body than the target takes, before a byte of it is read. */
export function assertBody({ announced }: Exchange, { maxBody }: Target): void {
  if (announced === undefined ? maxBody === 0 : announced > maxBody) throw tooLarge(maxBody)
}

/** The body on its way to a service, null where there is none. */
export function bodyOf({ request, response, announced }: Exchange, target: Target): Transform | null {
  if (announced === 0 || target.maxBody === 0) return null
  // The client waits for this word before it sends the body, and gets it only now that nothing is against it.
  if (request.headers.expect) response.writeContinue()
  const gauge = new Gauge(target)
  // Whoever sends it hears of its errors only while he sends.
  gauge.on('error', () => {})
  response.once('close', () => gauge.destroy())
  return request.pipe(gauge)
}

/** Passes a body on up to the limit, and within the time, that the target sets. */
class Gauge extends Transform {
  readonly #limit: number
  #left: number
  readonly #timer: NodeJS.Timeout

  constructor({ maxBody, patience }: Target) {
    super()
    this.#limit = maxBody
    this.#left = maxBody
    this.#timer = setTimeout(
      () => this.destroy(new DomainError('request-timeout', { detail: `At most ${patience} ms` })),
      patience,
    )
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.byteLength
    if (this.#left < 0) done(tooLarge(this.#limit))
    else done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    clearTimeout(this.#timer)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer)
    done(error)
  }
}
