import { describe, expect, it } from 'vitest'
import { displayName, fold } from './names.ts'
import { searchEntry, searchTerms } from './search.ts'

const tenant = '0190a6b0-0000-7000-8000-000000000001'

/** What the database does: all keys are there, and every pattern matches. */
function finds(q: string, ...parts: string[]): boolean {
  const entry = searchEntry(tenant, parts)
  const terms = searchTerms(tenant, q)!
  const matches = (pattern: string) =>
    entry.folded.includes(pattern.slice(1, -1).replaceAll(/\\([\\%_])/g, '$1'))
  return terms.keys.every((key) => entry.keys.includes(key)) && terms.patterns.every(matches)
}

describe('a name is found', () => {
  it.each([
    ['garcia', 'García'],
    ['GARCÍA', 'garcia'],
    ['ljubic', 'Ljubić'],
    ['strasse', 'Straße'],
    ['soren', 'Søren'],
    ['lukasz', 'Łukasz'],
    ['nguyen', 'Nguyễn'],
    ['ivanov', 'IVANOV'],
    ['иван', 'ИВАН'],
    ['ΣΟΦΟΣ', 'σοφός'],
    ['ｗａｎｇ', 'Wang'],
    ['王', '王秀英'],
    ['秀', '王秀英'],
    ['秀英', '王秀英'],
    ['김', '김민준'],
    ['민준', '김민준'],
    ['さくら', '山田さくら'],
    ['o%b', 'Zo%b_a'],
    ['a', 'Bo Adams'],
  ])('by %s: %s', (q, name) => {
    expect(finds(q, name)).toBe(true)
  })

  it('by parts of several fields, in any order', () => {
    expect(finds('berg ad', 'Ada', 'Berg')).toBe(true)
    expect(finds('berg bo', 'Ada', 'Berg')).toBe(false)
  })

  it('by one letter only where a word starts', () => {
    expect(finds('d', 'Ada')).toBe(false)
    expect(finds('a', 'Ada')).toBe(true)
  })

  it('not by a wildcard', () => {
    expect(finds('a_a', 'Ada')).toBe(false)
    expect(finds('%', 'Ada')).toBe(false)
  })
})

describe('folding', () => {
  it('keeps marks that are letters of their own', () => {
    expect(fold('か')).not.toBe(fold('が'))
    expect(fold('कि')).not.toBe(fold('का'))
  })
})

describe('a display name', () => {
  it.each([
    ['Steven', 'King', 'given-first', 'Steven King'],
    ['秀英', '王', 'family-first', '王秀英'],
    ['민준', '김', 'family-first', '김민준'],
    ['Văn An', 'Nguyễn', 'family-first', 'Nguyễn Văn An'],
  ] as const)('of %s %s, %s: %s', (givenName, familyName, nameOrder, shown) => {
    expect(displayName({ givenName, familyName, nameOrder })).toBe(shown)
  })
})
