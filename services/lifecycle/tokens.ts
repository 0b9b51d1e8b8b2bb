/** A token for background work in one tenant, as identity issues it. */
export interface JobToken {
  token: string
  expiresAt: string
}

/** A token is renewed this long before it ends, so that it outlives the step it is taken for. */
const margin = 60_000

/** Hands out job tokens; each is kept until shortly before it expires. */
export function jobTokens(issue: (tenant: string) => Promise<JobToken>, clock = Date.now) {
  const kept = new Map<string, { token: string; until: number }>()
  return async (tenant: string): Promise<string> => {
    const now = clock()
    const found = kept.get(tenant)
    if (found && found.until > now) return found.token
    for (const [key, { until }] of kept) if (until <= now) kept.delete(key)
    const { token, expiresAt } = await issue(tenant)
    kept.set(tenant, { token, until: Date.parse(expiresAt) - margin })
    return token
  }
}
