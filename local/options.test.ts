import { expect, test } from 'vitest'
import { parseOptions } from './options.ts'

const parse = (...args: string[]) => parseOptions(args, {})

test('has defaults and takes its flags', () => {
  expect(parse()).toEqual({ port: 8080, dataDir: undefined, fresh: false, now: undefined, observe: false })
  const given = { port: 9000, dataDir: '/srv/data', fresh: true, now: '2027-01-01T00:00:00Z', observe: true }
  expect(parse('--port', '9000', '--data-dir=/srv/data', '--fresh', '--observe', '--now', given.now)).toEqual(
    given,
  )
  expect(parse('--help')).toBe('help')
})

test.each([
  [['--prot', '1'], "Unknown option '--prot'. See: npm start -- --help"],
  [['9000'], "Unexpected argument '9000'. See: npm start -- --help"],
  [['--port', 'http'], '--port takes a number from 1 to 65535, not "http".'],
  [['--port=70000'], '--port takes a number from 1 to 65535, not "70000".'],
  [['--data-dir='], '--data-dir takes the path of a folder.'],
  [['--now', '2027'], '--now takes an instant in UTC such as 2027-01-01T00:00:00Z, not "2027".'],
  [['--now=2027-02-30T00:00:00Z'], 'not "2027-02-30T00:00:00Z"'],
])('refuses %j', (args, message) => {
  expect(() => parse(...args)).toThrow(message)
})

test('says so when npm has taken a flag for itself', () => {
  const remedy = 'Write two dashes before it: npm start -- --fresh'
  expect(() => parseOptions([], { npm_config_fresh: 'true' })).toThrow(remedy)
  expect(parseOptions(['--fresh'], { npm_config_fresh: 'true' })).toMatchObject({ fresh: true })
})

test('says so when the traces go elsewhere', () => {
  const elsewhere = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }
  expect(() => parseOptions(['--observe'], elsewhere)).toThrow('http://collector:4318: use one of them')
  expect(parseOptions([], elsewhere)).toMatchObject({ observe: false })
})
