import type { EntryDraft } from './model.ts'

const causes: Readonly<Record<string, string>> = {
  'carried-out': 'Carried over when its time was over',
  'carried-in': 'Carried over from the leave year before',
  'not-taken': 'Not taken in time',
  'employment-ended': 'Not taken when employment ended',
  'policy-changed': 'The policy has changed',
  'employment-changed': 'Employment or its terms have changed',
  'working-pattern-changed': 'The working pattern has changed',
  'holidays-changed': 'Holidays have changed',
}

const kinds: Readonly<Record<EntryDraft['kind'], string>> = {
  grant: 'Granted',
  accrual: 'Accrued',
  'carry-over': 'Carried over',
  expiry: 'Not taken in time',
  reservation: 'Requested',
  consumption: 'Approved',
  reversal: 'Given back',
  adjustment: 'Adjusted',
}

/** Why an entry is in the ledger: the reason that somebody gave, the rule and period, or what changed. */
export function explain(
  { kind, period, cause }: Pick<EntryDraft, 'kind' | 'period' | 'cause'>,
  reason: string | null,
  policyNames: ReadonlyMap<string, string>,
): string {
  if (reason !== null) return reason
  if (kind === 'accrual') {
    const policy = policyNames.get(cause?.replace('policy-', '') ?? '')
    return `${policy ?? 'Policy'}: period from ${period}`
  }
  const known = cause == null ? undefined : causes[cause]
  return known && kinds[kind] !== known ? `${kinds[kind]}: ${known}` : kinds[kind]
}
