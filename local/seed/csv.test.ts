import { expect, test } from 'vitest'
import { csv } from './csv.ts'

test('quotes what needs it and leaves absent values empty', () => {
  const rows = [
    { name: 'a, "b"', note: undefined },
    { name: 'plain', note: 'two\nlines' },
  ]
  expect(csv(['name', 'note'], rows)).toBe('name,note\n"a, ""b""",\nplain,"two\nlines"\n')
})
