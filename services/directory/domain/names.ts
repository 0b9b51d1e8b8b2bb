export type NameOrder = 'given-first' | 'family-first'

export interface Names {
  givenName: string
  familyName: string
  nameOrder: NameOrder
}

/** Scripts that write family and given name without a space. */
const unspaced = /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u

/** A name the way its bearer writes it: 王秀英, Nguyễn Văn An, Steven King. */
export function displayName({ givenName, familyName, nameOrder }: Names): string {
  if (nameOrder === 'given-first') return `${givenName} ${familyName}`
  const joint = unspaced.test(familyName) && unspaced.test(givenName) ? '' : ' '
  return `${familyName}${joint}${givenName}`
}

/** Letters that compatibility decomposition leaves alone although people type them without their stroke. */
const strokes: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ς: 'σ',
}

/**
 * Text without case, accents and width, for comparing. Only the combining marks of alphabets go (U+0300 to U+036F):
 * those of other scripts are letters of their own, e.g. Hindi vowels or the voicing of か and が.
 */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .normalize('NFC')
    .replaceAll(/[ßæœøđðþłħıς]/g, (letter) => strokes[letter]!)
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** What lists of people are ordered by. */
export const sortName = ({ givenName, familyName }: Pick<Names, 'givenName' | 'familyName'>) =>
  fold(`${familyName} ${givenName}`)
