import { createHash } from 'node:crypto'
import type { Tx } from '#kit/tx.ts'

/** Bytes of one stored piece: what a reader holds in memory at a time. */
const pieceSize = 256 * 1024

/** Stores a file piece by piece, replacing the one before; answers with its size and digest. */
export async function storeFile(
  tx: Tx,
  importId: string,
  body: ReadableStream<Uint8Array>,
): Promise<{ bytes: number; digest: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  let number = 0
  await tx.query('delete from import_chunk where import_id = $1', [importId])
  for await (const piece of pieces(body)) {
    hash.update(piece)
    bytes += piece.byteLength
    await tx.query(
      'insert into import_chunk (tenant, import_id, number, content) values ($1, $2, $3, $4)',
      [tx.tenant, importId, number++, piece],
      'import_chunk_insert',
    )
  }
  return { bytes, digest: `sha256:${hash.digest('hex')}` }
}

async function* pieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = []
  let size = 0
  for await (const part of body) {
    waiting.push(part)
    size += part.byteLength
    if (size < pieceSize) continue
    yield Buffer.concat(waiting)
    waiting = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(waiting)
}

/** One piece of the file, undefined after the last. */
export async function readPiece(tx: Tx, importId: string, number: number): Promise<Buffer | undefined> {
  const [row] = await tx.query<{ content: Buffer }>(
    'select content from import_chunk where import_id = $1 and number = $2',
    [importId, number],
    'import_chunk_read',
  )
  return row?.content
}
