import { describe, expect, it } from 'vitest'
import { addressKey, clientAddress } from './address.ts'

const from = (remoteAddress: string, forwarded?: string) => ({
  socket: { remoteAddress },
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
})

describe('the address of a client', () => {
  it('is that of the socket, whatever it claims', () => {
    expect(clientAddress(from('198.51.100.7', '192.0.2.1'), 0)).toBe('198.51.100.7')
    expect(clientAddress(from('::ffff:198.51.100.7'), 0)).toBe('198.51.100.7')
    expect(clientAddress(from('2001:db8::1'), 0)).toBe('2001:db8::1')
  })

  it('is what the outermost trusted proxy has seen', () => {
    const claimed = '192.0.2.1, 198.51.100.7,203.0.113.9'
    expect(clientAddress(from('127.0.0.6', claimed), 1)).toBe('203.0.113.9')
    expect(clientAddress(from('127.0.0.6', claimed), 2)).toBe('198.51.100.7')
  })

  it('is that of the socket where the proxies said nothing that is one', () => {
    expect(clientAddress(from('127.0.0.6'), 1)).toBe('127.0.0.6')
    expect(clientAddress(from('127.0.0.6', 'unknown'), 1)).toBe('127.0.0.6')
    expect(clientAddress(from('127.0.0.6', '192.0.2.1'), 2)).toBe('127.0.0.6')
  })
})

describe('a quota', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
  ])('counts %s as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })
})
