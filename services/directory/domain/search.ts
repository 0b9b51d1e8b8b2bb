import { fold } from './names.ts'

/** Letters of alphabets, digits and signs: a single one of these says too little to look for it inside words. */
const alphabetic = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{ASCII}]/u

/** What one person is found by: the folded text, and the keys of its parts. */
export function searchEntry(
  tenant: string,
  parts: readonly (string | null | undefined)[],
): { folded: string; keys: number[] } {
  // Each part starts with a space, so that a space before a character means the start of a word.
  const folded = parts
    .filter((part) => part)
    .map((part) => ` ${fold(part!)}`)
    .join('')
  return { folded, keys: keysOf(tenant, grams(folded)) }
}

/** A search as the store needs it: LIKE patterns that all must match, and the keys that all must be there. */
export interface SearchTerms {
  patterns: string[]
  keys: number[]
}

/** Splits what somebody typed at spaces; undefined if there is nothing to look for. */
export function searchTerms(tenant: string, q: string): SearchTerms | undefined {
  const words = fold(q).split(' ').filter(Boolean)
  if (words.length === 0) return undefined
  // One letter of an alphabet is looked for at the start of words only.
  const parts = words.map((word) => ([...word].length === 1 && alphabetic.test(word) ? ` ${word}` : word))
  return {
    patterns: parts.map((part) => `%${part.replaceAll(/[\\%_]/g, '\\$&')}%`),
    keys: keysOf(
      tenant,
      parts.flatMap((part) => ([...part].length === 1 ? [part] : pairs(part))),
    ),
  }
}

function grams(folded: string): string[] {
  const singles = [...folded].filter((character) => !alphabetic.test(character))
  return [...pairs(folded), ...singles]
}

/** Neighbouring characters, two at a time; none across the end of a word. */
function pairs(text: string): string[] {
  const characters = [...text]
  const result: string[] = []
  for (let i = 1; i < characters.length; i++)
    if (characters[i] !== ' ') result.push(characters[i - 1]! + characters[i]!)
  return result
}

/** Hashes a tenant with each gram (FNV-1a, 32 bits). A collision costs a comparison, never a wrong answer. */
function keysOf(tenant: string, grams: readonly string[]): number[] {
  const seed = hash(0x811c9dc5, tenant)
  return [...new Set(grams.map((gram) => hash(seed, gram) | 0))]
}

function hash(seed: number, text: string): number {
  let result = seed
  for (let i = 0; i < text.length; i++) {
    result ^= text.charCodeAt(i)
    result = Math.imul(result, 0x01000193)
  }
  return result
}
