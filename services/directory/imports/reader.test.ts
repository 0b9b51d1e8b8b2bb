import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { readRecords } from './reader.ts'

const cellsOf = async (pieces: Uint8Array[]) => {
  async function* given() {
    yield* pieces
  }
  const result: (string[] | undefined)[] = []
  for await (const { cells } of readRecords(given(), ',')) result.push(cells)
  return result
}

it('reads a file alike, wherever it is cut', async () => {
  const file = Buffer.from('\ufeffa,b\r\n"x\r\ny",王秀英\r\n😀,"""é"""\r\n')
  const expected = [
    ['a', 'b'],
    ['x\r\ny', '王秀英'],
    ['😀', '"é"'],
  ]
  for (let size = 1; size < file.length; size++) {
    const pieces = Array.from({ length: Math.ceil(file.length / size) }, (_, i) =>
      file.subarray(i * size, (i + 1) * size),
    )
    expect(await cellsOf(pieces), `in pieces of ${size}`).toEqual(expected)
  }
})

it('keeps characters whole in a file of many parts', async () => {
  const row = `${'😀王'.repeat(50)},x\n`
  const records = await cellsOf([Buffer.from(row.repeat(500))])
  expect(new Set(records.map((cells) => cells?.[0]))).toEqual(new Set(['😀王'.repeat(50)]))
})

it('holds no more of a long file than of a short one', async () => {
  const reader = new URL('./reader.ts', import.meta.url).href
  // Thirty megabytes in a heap that has room for half of them, at most.
  const script = `
    import { readRecords } from '${reader}'
    const piece = Buffer.from('12345,Ada,Lovelace,ada@example.com,2020-01-01,Europe/London\\n'.repeat(4000))
    async function* pieces() { for (let i = 0; i < 120; i++) yield piece }
    let count = 0
    for await (const record of readRecords(pieces(), ',')) count++
    console.log(count)`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--max-old-space-size=14', '--input-type=module', '--eval', script],
    { cwd: fileURLToPath(new URL('.', import.meta.url)) },
  )
  expect(Number(stdout)).toBe(480_000)
}, 60_000)
