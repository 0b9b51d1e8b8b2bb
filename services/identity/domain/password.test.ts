import { describe, expect, it } from 'vitest'
import { normalizePassword, passwordFault } from './password.ts'

const personal = ['ada.lovelace', 'Ada Lovelace', 'initech']

describe('a password', () => {
  it.each([
    ['short', 'too-short'],
    ['x'.repeat(129), 'too-long'],
    ['aaaaaaaaaaaa', 'too-plain'],
    ['Password123!', 'too-plain'],
    ['1234567890', 'too-plain'],
    ['Ada.Lovelace-7', 'too-personal'],
    ['we-love-Initech', 'too-personal'],
    ['correct horse battery', undefined],
    ['密码是一句很长的话吧', undefined],
  ])('%s is %s', (password, fault) => {
    expect(passwordFault(password, personal)).toBe(fault)
  })

  it('is the same however it was typed', () => {
    expect(normalizePassword('Å')).toBe(normalizePassword('A\u030a'))
  })
})
