import { z } from 'zod'

/** A yes or no among query parameters, which arrive as text. */
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true')
