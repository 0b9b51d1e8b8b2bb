import { expect, it } from 'vitest'
import { clockOf, systemClock } from './clock.ts'

const local = { IDENTITY_HEADERS: 'loopback' }

it("is the system's unless it is set", () => {
  expect(clockOf(local)).toBe(systemClock)
  expect(clockOf({ IDENTITY_HEADERS: 'mesh' })).toBe(systemClock)
})

it('goes on from the instant that the local run has set', () => {
  const begin = Date.parse('2027-01-01T00:00:00Z')
  const clock = clockOf({ ...local, LEAVE_NOW: '2027-01-01T00:00:00Z' })
  const [first, second] = [clock().getTime(), clock().getTime()]
  expect(first).toBeGreaterThanOrEqual(begin)
  expect(second).toBeGreaterThanOrEqual(first)
  expect(second).toBeLessThan(begin + 60_000)
})

it('is not set in a mesh', () => {
  for (const given of ['mesh', undefined])
    expect(() => clockOf({ IDENTITY_HEADERS: given, LEAVE_NOW: '2027-01-01T00:00:00Z' })).toThrow(
      'local run only',
    )
})

it.each(['2027', 'tomorrow', '2027-02-30T00:00:00Z', ''])('refuses %j', (LEAVE_NOW) => {
  expect(() => clockOf({ ...local, LEAVE_NOW })).toThrow('must be an instant')
})
