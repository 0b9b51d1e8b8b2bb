/** Fields whose values say something about a person, not about the job. */
const personal = new Set([
  'givenName',
  'familyName',
  'displayName',
  'nameOrder',
  'email',
  'birthDate',
  'phone',
  'leavingReason',
])

/** Hides personal values; which fields changed stays visible. */
export function mask(values: unknown): { values: unknown; masked: boolean } {
  if (typeof values !== 'object' || values === null) return { values, masked: false }
  let masked = false
  const shown = Object.entries(values).map(([name, value]) => {
    if (!personal.has(name) || value === null) return [name, value]
    masked = true
    return [name, '***']
  })
  return { values: Object.fromEntries(shown), masked }
}
