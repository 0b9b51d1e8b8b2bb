import { z } from 'zod'

/** Everybody who has an employee may do this, for that employee alone. */
export const everybody = { employee: 'self' } as const

/** Added to answers that tell of others. */
export const names = {
  names: z
    .record(z.string(), z.string())
    .meta({ description: 'Display names of the people whose ids are in the answer, by id' }),
}
