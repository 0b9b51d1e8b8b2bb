/** Why a password is refused, in words for the person who chose it. */
export type PasswordFault = 'too-short' | 'too-long' | 'too-plain' | 'too-personal'

export const passwordFaults: Record<PasswordFault, string> = {
  'too-short': 'Use at least 10 characters.',
  'too-long': 'Use at most 128 characters.',
  'too-plain': 'This password is among the first that are guessed. Choose another.',
  'too-personal': 'Use neither your e-mail address, your name nor the company in the password.',
}

/** The heads of lists of leaked passwords that are long enough for the first rule. */
const common = [
  '1234567890',
  '0123456789',
  'qwertyuiop',
  'qwerty1234',
  'qwerty12345',
  'qwerty123456',
  '1q2w3e4r5t',
  '1qaz2wsx3edc',
  'abcdefghij',
  'iloveyou123',
  'letmein123',
  'password',
  'passwort',
  'welcome123',
  'changeme123',
  'administrator',
  'administrator1',
]

/** The form in which a password is hashed and compared, so that two keyboards type the same one (NIST 800-63B). */
export const normalizePassword = (password: string) => password.normalize('NFKC')

/** Length over composition, and nothing that an attacker tries first (NIST 800-63B, section 3.1.1.2). */
export function passwordFault(password: string, personal: readonly string[]): PasswordFault | undefined {
  const normal = normalizePassword(password)
  const length = [...normal].length
  if (length < 10) return 'too-short'
  if (length > 128) return 'too-long'
  const lower = normal.toLowerCase()
  // "password123!" is no better than "password".
  const stem = lower.replace(/[\d\W_]+$/, '')
  if (new Set(lower).size < 5 || common.includes(lower) || common.includes(stem)) return 'too-plain'
  if (personal.some((word) => word.length >= 4 && lower.includes(word.toLowerCase()))) return 'too-personal'
  return undefined
}
