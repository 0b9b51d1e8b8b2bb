import type { Amount } from './amount.ts'
import type { DayPart, LeaveType, RequestDay } from './model.ts'
import type { WorkDay } from './schedule.ts'

/** What is asked of a day. */
export type Asked = Pick<RequestDay, 'date' | 'part' | 'asked'>

const whole: DayPart = { part: 'full' }

/** Each of some days as it is asked for: by its part, else as a whole. */
export function askedOf(dates: Iterable<string>, parts: readonly { date: string; take: DayPart }[]): Asked[] {
  const byDate = new Map(parts.map(({ date, take }) => [date, take]))
  return Array.from(dates, (date) => {
    const take = byDate.get(date) ?? whole
    return { date, part: take.part, asked: take.part === 'hours' ? take.minutes : null }
  })
}

/**
 * What a day of leave takes of the working time, and costs. `others`: minutes of that day that other leave takes, which
 * hours have to leave alone. Where there is no working time nothing is taken, whichever part is asked for.
 */
export function charge(unit: LeaveType['unit'], asked: Asked, day: WorkDay, others = 0): RequestDay {
  const minutes = minutesOf(asked, day, others)
  return { ...asked, minutes, amount: costOf(unit, minutes, day) }
}

function minutesOf({ part, asked }: Asked, { minutes, halves }: WorkDay, others: number): number {
  switch (part) {
    case 'full':
      return minutes
    case 'first-half':
      return halves[0]
    case 'second-half':
      return halves[1]
    case 'hours':
      return Math.max(0, Math.min(asked!, minutes - others))
  }
}

/** A scheduled day is one day, however long it is; a half holiday leaves half of one. */
function costOf(unit: LeaveType['unit'], minutes: number, { scheduled }: WorkDay): Amount {
  if (minutes === 0) return 0
  return Math.round((minutes * 1000) / (unit === 'day' ? scheduled : 60))
}
