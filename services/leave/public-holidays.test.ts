import { describe, expect, it } from 'vitest'
import { publicHolidays } from './public-holidays.ts'

const datesOf = async (...where: Parameters<typeof publicHolidays>) =>
  (await publicHolidays(...where)).map(({ date }) => date)

describe('public holidays', () => {
  it('are those of a region, by date', async () => {
    expect(await datesOf('DE', 'BE', [2026])).toEqual([
      '2026-01-01',
      '2026-03-08',
      '2026-04-03',
      '2026-04-06',
      '2026-05-01',
      '2026-05-14',
      '2026-05-25',
      '2026-10-03',
      '2026-12-25',
      '2026-12-26',
    ])
  })

  it('are more in some regions, and in parts of those', async () => {
    const assumption = '2026-08-15'
    const peace = '2026-08-08'
    expect(await datesOf('DE', null, [2026])).not.toContain('2026-01-06')
    expect(await datesOf('DE', 'BY', [2026])).toContain('2026-01-06')
    expect(await datesOf('DE', 'BY', [2026])).not.toContain(peace)
    expect(await datesOf('DE', 'BY.A', [2026])).toEqual(expect.arrayContaining([peace, assumption]))
  })

  it('are moved where the country does so', async () => {
    // Christmas and Boxing Day 2027 are on a weekend.
    const found = await publicHolidays('GB', 'ENG', [2027])
    expect(found.filter(({ date }) => date >= '2027-12-27')).toEqual([
      { date: '2027-12-27', name: 'Christmas Day (substitute day)', portion: 'full' },
      { date: '2027-12-28', name: 'Boxing Day (substitute day)', portion: 'full' },
    ])
  })

  it('take as many days as the holiday has', async () => {
    const found = await publicHolidays('KR', null, [2026])
    expect(found.filter(({ name }) => name === '설날').map(({ date }) => date)).toEqual([
      '2026-02-17',
      '2026-02-18',
      '2026-02-19',
    ])
  })

  it('take half a day where they begin at noon, and none where they begin in the evening', async () => {
    expect(await publicHolidays('FO', null, [2026])).toContainEqual({
      date: '2026-06-05',
      name: 'Grundlógardagur',
      portion: 'second-half',
    })
    expect(await datesOf('AU', 'NT', [2026])).not.toContain('2026-12-24')
  })

  it('fall on a date once, whatever falls together', async () => {
    for (const country of ['AE', 'BD', 'GB', 'LK', 'MY', 'RS']) {
      const dates = await datesOf(country, null, [2025, 2026, 2026])
      expect(dates).toEqual([...new Set(dates)].toSorted())
    }
    // The day of the constitution is a Whit Monday.
    const may = (await publicHolidays('NO', null, [2027])).find(({ date }) => date === '2027-05-17')
    expect(may).toEqual({ date: '2027-05-17', name: 'Grunnlovsdagen, Andre pinsedag', portion: 'full' })
  })

  it.each<[string, string | null, string, RegExp]>([
    ['XX', null, '/country', /country-unknown/],
    ['DE', 'XX', '/region', /Known regions of DE: BB, BE, .*TH$/],
    ['DE', 'constructor', '/region', /Known regions of DE/],
    ['DE', 'BY.XX', '/region', /Known regions of DE BY: A, /],
    ['DE', 'BE.A', '/region', /DE BE has no regions/],
    ['MC', 'X', '/region', /MC has no regions/],
  ])('are unknown of %s %s', async (country, region, pointer, detail) => {
    await expect(publicHolidays(country, region, [2026])).rejects.toMatchObject({
      code: 'country-unknown',
      details: { pointer },
      message: expect.stringMatching(detail),
    })
  })
})
