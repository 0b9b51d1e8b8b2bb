import { describe, expect, test } from 'vitest'
import { generateCompany } from './company.ts'
import { units } from './organization.ts'

const today = '2026-11-21'
const company = generateCompany(today)
const { people, changes, demo } = company
const byNumber = new Map(people.map((person) => [person.number, person]))

describe('the demo company', () => {
  test('is the same for the same seed and day, and another one for another seed', () => {
    expect(generateCompany(today)).toEqual(company)
    expect(generateCompany(today, 1).people).not.toEqual(people)
  })

  test('has about 250 people in three time zones, with names in several scripts', () => {
    expect(people.length).toBeGreaterThan(240)
    expect(people.length).toBeLessThan(260)
    expect(new Set(people.map(({ timeZone }) => timeZone)).size).toBe(3)
    const names = people.map(({ displayName }) => displayName).join()
    for (const script of ['Latin', 'Han', 'Cyrillic', 'Arabic', 'Devanagari'])
      expect(names).toMatch(new RegExp(`\\p{Script=${script}}`, 'u'))
    expect(names).toMatch(/ü.*ł.*ễ|ễ.*ü|ł/)
  })

  test('gives everybody a number and an e-mail address of their own', () => {
    expect(byNumber.size).toBe(people.length)
    expect(new Set(people.map(({ email }) => email)).size).toBe(people.length)
    for (const { email } of people) expect(email).toMatch(/^[a-z]+\.[a-z]+\d*@[a-z.-]+$/)
  })

  test('has one line of command, five levels deep, and lists managers before their reports', () => {
    const level = new Map<string, number>()
    for (const { number, manager } of people) {
      expect(manager === undefined || level.has(manager)).toBe(true)
      level.set(number, manager === undefined ? 1 : level.get(manager)! + 1)
    }
    expect(people.filter(({ manager }) => manager === undefined)).toHaveLength(1)
    expect(Math.max(...level.values())).toBe(5)
  })

  test('lets nobody join before birth, before the manager or before the unit opens', () => {
    for (const { birthDate, joinsOn, manager, orgUnit } of people) {
      expect(birthDate < joinsOn).toBe(true)
      expect(company.opensOn < joinsOn).toBe(true)
      expect(!manager || byNumber.get(manager)!.joinsOn <= joinsOn).toBe(true)
      expect(units.map(({ code }) => code)).toContain(orgUnit)
    }
  })

  test('has a past and a future: joiners, transfers, leavers, people who come back', () => {
    const kinds = (isWanted: (on: string) => boolean) =>
      new Set(changes.filter(({ on }) => isWanted(on)).map((each) => each.do))
    const all = new Set(['change', 'transfer', 'terminate', 'rehire'])
    expect(kinds((on) => on < today)).toEqual(all)
    expect(kinds((on) => on > today)).toEqual(all)
    expect(people.some(({ joinsOn }) => joinsOn > today)).toBe(true)
  })

  test('changes nobody twice on a day, before joining, or to a manager who is not there', () => {
    expect(new Set(changes.map(({ who, on }) => `${who} ${on}`)).size).toBe(changes.length)
    for (const change of changes) {
      expect(change.on > byNumber.get(change.who)!.joinsOn).toBe(true)
      if (!('to' in change) || !change.to.manager) continue
      expect(byNumber.get(change.to.manager)!.joinsOn <= change.on).toBe(true)
      const leaving = changes.find((each) => each.do === 'terminate' && each.who === change.to.manager)
      expect(leaving).toBeUndefined()
    }
  })

  test('spares those who have demo accounts', () => {
    for (const number of Object.values(demo)) {
      expect(byNumber.has(number)).toBe(true)
      expect(changes.filter(({ who }) => who === number)).toEqual([])
    }
  })
})
