export const migrations = new URL('./migrations/', import.meta.url)

/** Which problem a broken constraint means. */
export const constraints = { tenant_slug: 'tenant-slug-taken', account_email: 'email-taken' }
