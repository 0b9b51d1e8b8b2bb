import { Readable } from 'node:stream'
import { CsvError, type Info, parse } from 'csv-parse'
import { FileProblem } from './file-problem.ts'

/** A record of the file: where it stands, what it holds; or what is wrong with how it is written. */
export type FileRecord =
  | { line: number; cells: string[]; broken?: undefined }
  | { line: number; cells?: undefined; broken: string }

/** A quote that is never closed would swallow the rest of the file. */
const longestRecord = 64 * 1024

/**
 * Bytes given to the parser at a time: it turns them into records at once, and what waits for long costs memory, since
 * the collector takes it for lasting.
 */
const partSize = 16 * 1024

/**
 * Reads the records of a CSV file, the header being the first: pieces of bytes in, one record at a time out, whatever
 * the size of the file. A byte order mark, CRLF and quoted line breaks are understood; empty lines are passed over.
 */
export async function* readRecords(
  pieces: AsyncIterable<Uint8Array>,
  delimiter: string,
): AsyncGenerator<FileRecord> {
  const broken: FileRecord[] = []
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: longestRecord,
    on_skip: (error) => {
      const line = lineOf(error)
      if (broken.at(-1)?.line !== line) broken.push({ line, broken: describe(error) })
      return undefined
    },
  })
  const source = Readable.from(checked(pieces))
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  try {
    for await (const { info, record } of parser as AsyncIterable<{ info: Info; record: string[] }>) {
      const line = info.lines - lineBreaks(record)
      // The parser is ahead: what it could not read may stand further down.
      while (broken[0] && broken[0].line < line) yield broken.shift()!
      yield { line, cells: record }
    }
    yield* broken
  } catch (error) {
    if (error instanceof CsvError) throw new FileProblem('csv', `Line ${lineOf(error)}: ${describe(error)}`)
    throw error
  } finally {
    source.destroy()
  }
}

/** Passes on bytes that are UTF-8, in small parts; the decoder keeps what a part cuts in two. */
async function* checked(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let line = 1
  try {
    for await (const piece of pieces)
      for (let start = 0; start < piece.byteLength; start += partSize) {
        const part = piece.subarray(start, start + partSize)
        line += decoder.decode(part, { stream: true }).split('\n').length - 1
        yield part
      }
    decoder.decode()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new FileProblem('encoding', `The file is not UTF-8 (after line ${line}): save it as CSV UTF-8`)
  }
}

/** Info counts lines at the end of a record; a quoted line break put it further down. */
const lineBreaks = (record: readonly string[]) =>
  record.reduce((sum, cell) => (cell.includes('\n') ? sum + cell.split('\n').length - 1 : sum), 0)

const lineOf = (error: CsvError | undefined) => Number((error as { lines?: number } | undefined)?.lines ?? 0)

const descriptions: Partial<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'A quote is opened and never closed',
  CSV_INVALID_CLOSING_QUOTE: 'Text follows a closing quote; double a quote that is part of the text',
  INVALID_OPENING_QUOTE: 'A quote stands inside text that is not quoted',
  CSV_MAX_RECORD_SIZE: `The record is longer than ${longestRecord} characters: a quote may be left open`,
}

const describe = (error: CsvError | undefined) =>
  descriptions[error?.code ?? ''] ?? 'The record is not well-formed CSV'
